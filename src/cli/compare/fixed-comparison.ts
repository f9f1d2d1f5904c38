import { type BestArmResult, bestArmBeta, bestArmNormal } from "../../statistics/best-arm.ts";
import { boundedDifferenceSequence } from "../../statistics/bounded-sequence.ts";
import type { TwoArms } from "../../statistics/comparison.ts";
import {
  differenceSequence,
  relativeDifferenceSequence,
} from "../../statistics/confidence-sequence.ts";
import { type CupedComparison, cupedTest } from "../../statistics/cuped.ts";
import { type Refusal, type Result, refuse } from "../../statistics/result.ts";
import { sampleRatioSequence, sampleRatioTest } from "../../statistics/sample-ratio.ts";
import { relativeProportionTest, twoProportionTest } from "../../statistics/two-proportions.ts";
import { relativeWelchTest, welchTest } from "../../statistics/welch.ts";
import { badInput } from "../exit-code.ts";
import type { ComparedDecision, DecisionSource } from "../logs/decision-source.ts";
import {
  type ComparisonLog,
  logJson,
  readDecisions,
  treatmentsOf,
} from "../logs/read-decisions.ts";
import {
  type EffectJson,
  effectsJson,
  type LogJson,
  type SampleRatioJson,
  sampleRatioJson,
} from "../text/comparison-report.ts";
import { ArmRecord } from "./arm-record.ts";

export interface FixedOptions extends ComparisonLog {
  /** Rewards need not be in [0,1]. */
  readonly unbounded: boolean;
  /** Share of every arm that is compared. Absent: all alike. */
  readonly ratio?: ReadonlyMap<string, number>;
  /** Observations of an arm at which the sequences are to be tightest. */
  readonly tightestAt: number;
  readonly hasCovariate: boolean;
}

interface ArmJson {
  readonly arm: string;
  readonly units: number;
  /** That it should have had. */
  readonly share: number;
  readonly rewards: number;
  /** Null without rewards. */
  readonly mean: number | null;
  /** Null below two rewards. */
  readonly standard_deviation: number | null;
  readonly best_probability: number | null;
  readonly expected_loss: number | null;
}

interface ComparisonJson {
  readonly treatment: string;
  readonly difference: EffectJson;
  readonly relative: EffectJson;
  readonly proportions: EffectJson;
  readonly relative_proportions: EffectJson;
  readonly sequence: EffectJson;
  readonly relative_sequence: EffectJson;
  readonly bounded_sequence: EffectJson;
  /** Null without a covariate. */
  readonly cuped: (EffectJson & { readonly variance_reduction: number | null }) | null;
}

/** What `banditd compare --shares fixed --json` prints. */
export interface FixedReport extends LogJson {
  readonly shares: "fixed";
  /** True when no ratio was given. */
  readonly equal_shares_assumed: boolean;
  /** Decisions that served an arm that is not compared. */
  readonly decisions_of_other_arms: number;
  /** True when an arm was served with propensities that differ: the shares were not fixed. */
  readonly propensities_moved: boolean;
  readonly sample_ratio: SampleRatioJson;
  readonly any_time_sample_ratio: SampleRatioJson;
  /** The control, then the treatments. */
  readonly arms: readonly ArmJson[];
  /** Why there is no probability to be best. */
  readonly best_refusal: Refusal | null;
  readonly comparisons: readonly ComparisonJson[];
}

/** How far the shares asked for may be from 1 in sum, as in the test that gets them: decimals written by people. */
const shareSumTolerance = 1e-6;
/** Propensities this far apart are not one number that was rounded. */
const propensityTolerance = 1e-6;

/**
 * Compares arms whose shares stayed the same. The log is streamed.
 * @throws CliError usage when the log has not the arms, or the ratio not those that are compared
 */
export async function compareFixed(
  source: DecisionSource,
  options: FixedOptions,
): Promise<FixedReport> {
  const records = new Map<string, ArmRecord>();
  const counts = await readDecisions(source, options.missing, (decision, reward) => {
    const record = records.get(decision.arm) ?? new ArmRecord();
    records.set(decision.arm, record);
    record.addUnit(propensityOf(decision));
    if (reward !== undefined) record.addReward(reward, decision.covariate);
  });
  const treatments = treatmentsOf(options, new Set(records.keys()));
  const names = [options.control, ...treatments];
  const arms = names.map((arm) => records.get(arm) ?? new ArmRecord());
  // Without decisions the arms are not known, and there is nothing to find fault with.
  const ratio = counts.decisions === 0 ? undefined : options.ratio;
  const shares = sharesOf(names, ratio);
  const log = logJson(source.name, options, { treatments, counts });
  const units = arms.map((arm, index) => ({ count: arm.units, share: shares[index] as number }));
  const best = bestOf(arms, counts.rewards);
  return {
    ...log,
    shares: "fixed",
    equal_shares_assumed: ratio === undefined,
    decisions_of_other_arms: counts.decisions - units.reduce((sum, { count }) => sum + count, 0),
    propensities_moved: arms.some(
      ({ propensityMin, propensityMax }) => propensityMax - propensityMin > propensityTolerance,
    ),
    sample_ratio: sampleRatioJson(sampleRatioTest(units)),
    any_time_sample_ratio: sampleRatioJson(sampleRatioSequence(units)),
    arms: names.map((arm, index) =>
      armJson(arm, arms[index] as ArmRecord, {
        share: shares[index] as number,
        best: best.ok ? best.value[index] : undefined,
      }),
    ),
    best_refusal: best.ok ? null : best.refusal,
    comparisons: comparisonsJson(treatments, arms, { ...options, rewards: counts.rewards }),
  };
}

/** Undefined where the log does not say. */
function propensityOf({ arm, propensity, vector }: ComparedDecision): number | undefined {
  return propensity ?? vector?.probabilities[vector.arms.indexOf(arm)];
}

function comparisonsJson(
  treatments: readonly string[],
  [control, ...others]: readonly ArmRecord[],
  options: FixedOptions & Pick<LogJson, "rewards">,
): readonly ComparisonJson[] {
  const alpha = 1 - options.level;
  const pairs = others.map((treatment) => ({ control: control as ArmRecord, treatment }));
  const of = <Summary>(
    summary: (arm: ArmRecord) => Summary,
    compare: (arms: TwoArms<Summary>) => Parameters<typeof effectsJson>[0][number],
  ) =>
    effectsJson(
      pairs.map((pair) =>
        compare({ control: summary(pair.control), treatment: summary(pair.treatment) }),
      ),
      alpha,
    );
  const sample = (arm: ArmRecord) => arm.sample();
  const counts = (arm: ArmRecord) => arm.counts();
  const binary = options.rewards === "binary" ? undefined : notBinary;
  const bounded = options.rewards === "out_of_range" ? notInRange : undefined;
  const sequence = {
    alpha,
    tightestAtN: options.tightestAt,
    ...(options.unbounded ? { range: "unbounded" as const } : {}),
  };
  const outside = options.unbounded ? undefined : bounded;
  const difference = of(sample, (arms) => welchTest(arms, { alpha }));
  const relative = of(sample, (arms) => relativeWelchTest(arms, { alpha }));
  const proportions = of(counts, (arms) => binary ?? twoProportionTest(arms, { alpha }));
  const relativeProportions = of(
    counts,
    (arms) => binary ?? relativeProportionTest(arms, { alpha }),
  );
  const sequences = of(sample, (arms) => outside ?? differenceSequence(arms, sequence));
  const relativeSequences = of(
    sample,
    (arms) => outside ?? relativeDifferenceSequence(arms, sequence),
  );
  const exact = of(sample, (arms) => bounded ?? boundedDifferenceSequence(arms, { alpha }));
  const adjusted = pairs.map((pair) =>
    cupedTest(
      { control: pair.control.covariateSums(), treatment: pair.treatment.covariateSums() },
      { alpha },
    ),
  );
  const cuped = effectsJson(adjusted, alpha);
  return treatments.map((treatment, index) => ({
    treatment,
    difference: difference[index] as EffectJson,
    relative: relative[index] as EffectJson,
    proportions: proportions[index] as EffectJson,
    relative_proportions: relativeProportions[index] as EffectJson,
    sequence: sequences[index] as EffectJson,
    relative_sequence: relativeSequences[index] as EffectJson,
    bounded_sequence: exact[index] as EffectJson,
    cuped: options.hasCovariate
      ? {
          ...(cuped[index] as EffectJson),
          variance_reduction: reductionOf(adjusted[index] as Result<CupedComparison>),
        }
      : null,
  }));
}

const notBinary = refuse("out_of_range", "the rewards are not all 0 or 1");
const notInRange = refuse(
  "out_of_range",
  "the rewards are not all from 0 to 1: say --unbounded if they need not be",
);

function reductionOf(result: Result<CupedComparison>): number | null {
  return result.ok ? result.value.varianceReduction : null;
}

/** Of 0/1 rewards Beta(1 + successes, 1 + failures), of others the normal approximation of their means. */
function bestOf(
  arms: readonly ArmRecord[],
  rewards: LogJson["rewards"],
): Result<readonly BestArmResult[]> {
  if (rewards === "binary") {
    return bestArmBeta(
      arms.map((arm) => {
        const { n, successes } = arm.counts();
        return { alpha: 1 + successes, beta: 1 + n - successes };
      }),
    );
  }
  if (arms.some((arm) => arm.sample().n < 2)) {
    return refuse("too_few", "an arm has fewer than two rewards");
  }
  return bestArmNormal(
    arms.map((arm) => {
      const { n, mean, variance } = arm.sample();
      return { mean, standardDeviation: Math.sqrt(variance / n) };
    }),
  );
}

function armJson(
  arm: string,
  record: ArmRecord,
  { share, best }: { readonly share: number; readonly best: BestArmResult | undefined },
): ArmJson {
  const { n, mean, variance } = record.sample();
  return {
    arm,
    units: record.units,
    share,
    rewards: n,
    mean: n > 0 && Number.isFinite(mean) ? mean : null,
    standard_deviation: n > 1 && Number.isFinite(variance) ? Math.sqrt(variance) : null,
    best_probability: best?.bestProbability ?? null,
    expected_loss: best?.expectedLoss ?? null,
  };
}

function sharesOf(
  names: readonly string[],
  ratio: ReadonlyMap<string, number> | undefined,
): readonly number[] {
  if (ratio === undefined) return names.map(() => 1 / names.length);
  const strange = [...ratio.keys()].find((arm) => !names.includes(arm));
  if (strange !== undefined) throw badInput(`--ratio ${strange}: this arm is not compared`);
  const shares = names.map((arm) => {
    const share = ratio.get(arm);
    if (share === undefined) throw badInput(`--ratio: the share of ${arm} is missing`);
    return share;
  });
  const sum = shares.reduce((total, share) => total + share, 0);
  if (Math.abs(sum - 1) > shareSumTolerance) {
    throw badInput(`--ratio: the shares add up to ${Number(sum.toPrecision(9))} and not to 1`);
  }
  return shares;
}
