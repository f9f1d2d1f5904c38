import {
  acceptFinite,
  alphaDefault,
  checkAlpha,
  type Estimate,
  type LevelOption,
  normalInterval,
  normalTest,
} from "./comparison.ts";
import { checkRange, type ObservationRange } from "./confidence-sequence.ts";
import {
  atDecision,
  checkArm,
  checkArms,
  checkDecision,
  checkReward,
  propensityOf,
  type RewardedDecision,
} from "./logged-decision.ts";
import { checkSkewness } from "./moments.ts";
import { ImportanceWeights, type Overlap } from "./overlap.ts";
import { type Refusal, type Result, refusal, refuse } from "./result.ts";
import { WeightedScores } from "./weighted-scores.ts";

/** What the weights of the decisions are to do. */
export type Weighting = "variance_stabilizing" | "uniform";

export interface AipwOptions {
  /** Names for messages, 2 to 1,000; an arm is its index here. */
  readonly arms: readonly string[];
  /** Index of the arm that the others are compared with. */
  readonly control: number;
  /** Of the rewards; [0,1] if not given. */
  readonly range?: ObservationRange;
  /** `variance_stabilizing` if not given. */
  readonly weighting?: Weighting;
}

/** The value of an arm: the mean reward if it were always served. */
export interface ArmValue extends Omit<Estimate, "pValue">, Overlap {}

/** Value of an arm less that of the control. */
export interface ArmDifference extends Estimate {
  /** The estimate in standard errors. */
  readonly statistic: number;
  readonly treatment: Overlap;
  readonly control: Overlap;
}

/** Rewards near each end of the range that an arm must have had: asymptotics speak no earlier. */
const outcomesMin = 30;
/** Without a range. */
const unboundedServedMin = 100;

interface Arm {
  /** Rewards so far and their mean: the plug-in m̂. */
  served: number;
  mean: number;
  readonly value: WeightedScores;
  readonly valueWeights: ImportanceWeights;
  readonly difference: WeightedScores;
  readonly treatmentWeights: ImportanceWeights;
  readonly controlWeights: ImportanceWeights;
}

/**
 * Values of arms, and differences from a control, from a log in which the shares followed the rewards:
 * adaptively weighted augmented inverse propensity weighting (Hadad, Hirshberg, Zhan, Wager & Athey, PNAS 118,
 * 2021, arXiv:1911.02768). With e_t(w) the logged propensity and m̂_t−1(w) the mean of the arm's rewards before
 *
 *     Γ_t(w) = m̂_t−1(w) + 1{W_t = w} / e_t(w) · (Y_t − m̂_t−1(w)),   value(w) = Σ h_t Γ_t(w) / Σ h_t
 *
 * Given the past, Γ_t is unbiased whatever the shares do; weights that keep each term's part of the variance
 * alike make the sum normal, which the sample mean and the plainly weighted sum are not. Value: h_t = √e_t(w)
 * (their constant allocation rate). Difference: of Γ_t(a) − Γ_t(b), with h_t = (1/e_t(a) + 1/e_t(b))^−½
 * for both. `uniform` has h_t = 1: wider, and a value is then the plain average over the decisions of the log,
 * also when the arm's mean moves. Intervals and p-values are those of the chosen weighting.
 *
 * Refused for the difference: subtracting two values with weights of their own. Its standard error is smaller
 * (by 6 % under Thompson sampling), but when both means move together, as with tasks that get harder, it
 * compares one arm's good times with the other's bad ones: nine false positives in ten runs.
 *
 * One accumulator for each code type, put together by `stratifiedValue` and `stratifiedDifference`: in a mixture the
 * weights count each code type by its propensities instead of by its traffic.
 *
 * Valid at one look, at a size that the rewards did not choose; for any number of looks: EqualityEProcess.
 * A decision counts for an arm that could be served (e > 0) and has been served before, so that m̂ exists.
 * Push every decision once, in the order of the decisions, whenever their rewards came. Anything that cannot
 * be a logged decision makes every result a refusal that names the first. Memory: O(arms).
 */
export class Aipw {
  readonly #options: Required<AipwOptions>;
  readonly #arms: readonly Arm[];
  #decisions = 0;
  #refusal: Refusal | undefined;

  constructor(options: AipwOptions) {
    this.#options = { range: { low: 0, high: 1 }, weighting: "variance_stabilizing", ...options };
    const { arms, control, range } = this.#options;
    this.#refusal = checkArms(arms) ?? checkArm(control, arms) ?? checkRange(range);
    this.#arms = (this.#refusal === undefined ? arms : []).map(() => ({
      served: 0,
      mean: 0,
      value: new WeightedScores(),
      valueWeights: new ImportanceWeights(),
      difference: new WeightedScores(),
      treatmentWeights: new ImportanceWeights(),
      controlWeights: new ImportanceWeights(),
    }));
  }

  /** @returns the refusal that every result will be, so that a reader can stop; undefined while all is well. */
  push(decision: RewardedDecision): Refusal | undefined {
    if (this.#refusal !== undefined) return this.#refusal;
    const problem =
      checkDecision(decision, this.#options.arms) ??
      checkReward(decision.reward, this.#options.range);
    if (problem !== undefined) {
      this.#refusal = atDecision(this.#decisions, problem);
      return this.#refusal;
    }
    this.#decisions += 1;
    this.#arms.forEach((_, index) => {
      this.#addValue(index, decision);
      if (index !== this.#options.control) this.#addDifference(index, decision);
    });
    const arm = this.#arms[decision.arm] as Arm;
    arm.served += 1;
    arm.mean += (decision.reward - arm.mean) / arm.served;
    return undefined;
  }

  /**
   * Refuses, besides what was wrong with the log: an arm with too few rewards (with a range: fewer than 30 of
   * what lies between them and either end of it, for 0/1 rewards 30 successes and 30 failures; without one:
   * 100, and scores that are not too skewed for their number), an effective sample size below 30, a mean weight more than 5 standard errors from 1, no spread.
   */
  value(arm: number, { alpha = alphaDefault }: LevelOption = {}): Result<ArmValue> {
    const problem = this.#check(alpha, [arm]);
    if (problem !== undefined) return { ok: false, refusal: problem };
    const { value, valueWeights } = this.#arms[arm] as Arm;
    const overlapProblem = valueWeights.check(this.#name(arm));
    if (overlapProblem !== undefined) return { ok: false, refusal: overlapProblem };
    const { standardError } = value;
    if (standardError === 0)
      return refuse("zero_variance", `all rewards of ${this.#name(arm)} are equal`);
    return acceptFinite({
      ...normalInterval({ estimate: value.mean, standardError }, alpha),
      ...valueWeights.overlap(),
    });
  }

  /** Arm less control, over the decisions in which either could be served. Refuses what {@link value} does, of both arms. */
  difference(arm: number, { alpha = alphaDefault }: LevelOption = {}): Result<ArmDifference> {
    const { control } = this.#options;
    const problem = this.#check(alpha, [arm, control]);
    if (problem !== undefined) return { ok: false, refusal: problem };
    if (arm === control) return refuse("out_of_range", `${this.#name(arm)} is the control itself`);
    const { difference, treatmentWeights, controlWeights } = this.#arms[arm] as Arm;
    const overlapProblem =
      treatmentWeights.check(this.#name(arm)) ?? controlWeights.check(this.#name(control));
    if (overlapProblem !== undefined) return { ok: false, refusal: overlapProblem };
    const { mean: estimate, standardError } = difference;
    if (standardError === 0) {
      return refuse(
        "zero_variance",
        `all rewards of ${this.#name(arm)} are equal, and all of ${this.#name(control)}`,
      );
    }
    return acceptFinite({
      ...normalTest({ estimate, standardError }, alpha),
      treatment: treatmentWeights.overlap(),
      control: controlWeights.overlap(),
    });
  }

  #addValue(index: number, { propensities, arm, reward }: RewardedDecision): void {
    const { served, mean, value, valueWeights } = this.#arms[index] as Arm;
    const propensity = propensityOf(propensities, index);
    if (served === 0 || propensity === 0) return;
    const weight = this.#options.weighting === "uniform" ? 1 : Math.sqrt(propensity);
    value.add(weight, arm === index ? mean + (reward - mean) / propensity : mean);
    valueWeights.add(weight, propensity, arm === index);
  }

  #addDifference(index: number, { propensities, arm, reward }: RewardedDecision): void {
    const treatment = this.#arms[index] as Arm;
    const control = this.#arms[this.#options.control] as Arm;
    const treatmentPropensity = propensityOf(propensities, index);
    const controlPropensity = propensityOf(propensities, this.#options.control);
    if (treatment.served === 0 || control.served === 0) return;
    if (treatmentPropensity === 0 || controlPropensity === 0) return;
    const weight =
      this.#options.weighting === "uniform"
        ? 1
        : 1 / Math.sqrt(1 / treatmentPropensity + 1 / controlPropensity);
    const isTreatment = arm === index;
    const isControl = arm === this.#options.control;
    const surprise = isTreatment
      ? (reward - treatment.mean) / treatmentPropensity
      : isControl
        ? (control.mean - reward) / controlPropensity
        : 0;
    treatment.difference.add(weight, treatment.mean - control.mean + surprise);
    treatment.treatmentWeights.add(weight, treatmentPropensity, isTreatment);
    treatment.controlWeights.add(weight, controlPropensity, isControl);
  }

  #name(arm: number): string {
    return this.#options.arms[arm] as string;
  }

  #check(alpha: number, arms: readonly number[]): Refusal | undefined {
    const problem = checkAlpha(alpha) ?? this.#refusal;
    if (problem !== undefined) return problem;
    if (this.#decisions === 0) return refusal("empty", "the log has no decisions");
    for (const arm of arms) {
      const found = checkArm(arm, this.#options.arms) ?? this.#checkEnough(arm);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #checkEnough(index: number): Refusal | undefined {
    const { range } = this.#options;
    const { served, mean, value } = this.#arms[index] as Arm;
    if (range === "unbounded") {
      if (served >= unboundedServedMin) {
        return checkSkewness(value.skewnessOfMean, served, this.#name(index));
      }
      return refusal(
        "too_few",
        `${this.#name(index)} has ${served} rewards; the estimate needs ${unboundedServedMin}`,
      );
    }
    const above = served * ((mean - range.low) / (range.high - range.low));
    const below = served - above;
    // The tolerance is for the rounding of the mean: 30 successes stay 30.
    if (Math.min(above, below) >= outcomesMin * (1 - 1e-9)) return undefined;
    return refusal(
      "too_few",
      `${this.#name(index)} has ${counted(above)} successes and ${counted(below)} failures; the estimate needs ${outcomesMin} of each`,
    );
  }
}

/** Whole of 0/1 rewards, but for rounding; parts of fractional ones. */
function counted(sum: number): string {
  return Number(sum.toFixed(1)).toString();
}
