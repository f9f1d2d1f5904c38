import { type BestArmResult, bestArmBeta, bestArmNormal } from "../best-arm.ts";
import { type BoundedLook, boundedDifferenceSequence } from "../bounded-sequence.ts";
import type { Comparison, TwoArms } from "../comparison.ts";
import { differenceSequence, relativeDifferenceSequence } from "../confidence-sequence.ts";
import { type CupedComparison, cupedTest } from "../cuped.ts";
import { type ExactComparison, exactProportionTest } from "../exact-proportions.ts";
import { checkSkewness } from "../moments.ts";
import { accept, type Result, refuse, unless } from "../result.ts";
import { type SampleRatio, sampleRatioSequence, sampleRatioTest } from "../sample-ratio.ts";
import { relativeProportionTest, twoProportionTest } from "../two-proportions.ts";
import { relativeWelchTest, welchTest } from "../welch.ts";
import { ArmRecord } from "./arm-record.ts";
import {
  type ComparedDecision,
  type ComparedDecisions,
  DecisionCounter,
  type DecisionCounts,
} from "./compared-decision.ts";
import { adjusted, type ComparisonRequest, treatmentsOf } from "./comparison-request.ts";

export interface FixedRequest extends ComparisonRequest {
  /** Share of every arm that is compared, served or not. Absent: as the vectors have it, or all alike. */
  readonly ratio?: ReadonlyMap<string, number>;
  /** Observations of an arm at which the sequences are to be tightest. */
  readonly tightestAt: number;
  readonly hasCovariate: boolean;
}

export interface FixedArm {
  readonly arm: string;
  /** Times it was served. */
  readonly units: number;
  /** That it should have had. */
  readonly share: number;
  readonly rewards: number;
  /** Undefined without rewards. */
  readonly mean: number | undefined;
  /** Undefined below two rewards. */
  readonly standardDeviation: number | undefined;
}

/** An effect by one method, with its p-value after Holm over the treatments. */
export type FixedEffect<Method = Comparison> = Result<Method & { readonly adjustedPValue: number }>;

export interface FixedTreatment {
  readonly treatment: string;
  readonly difference: FixedEffect;
  readonly relative: FixedEffect;
  readonly proportions: FixedEffect;
  /** For small counts. */
  readonly exactProportions: FixedEffect<ExactComparison>;
  readonly relativeProportions: FixedEffect;
  readonly sequence: FixedEffect;
  readonly relativeSequence: FixedEffect;
  readonly boundedSequence: FixedEffect<BoundedLook>;
  /** Undefined without a covariate. */
  readonly cuped: FixedEffect<CupedComparison> | undefined;
}

/** Arms whose shares stayed the same. */
export interface FixedComparison {
  readonly counts: DecisionCounts;
  readonly treatments: readonly string[];
  /** True when no ratio was given and not every decision has its vector. */
  readonly equalSharesAssumed: boolean;
  /** Decisions that served an arm that is not compared. */
  readonly decisionsOfOtherArms: number;
  /** True when an arm was served with propensities that differ: the shares were not fixed. */
  readonly propensitiesMoved: boolean;
  readonly sampleRatio: Result<SampleRatio>;
  readonly anyTimeSampleRatio: Result<SampleRatio>;
  /** The control, then the treatments. */
  readonly arms: readonly FixedArm[];
  /** Of the same arms: the probability to be the best. */
  readonly best: Result<readonly BestArmResult[]>;
  readonly comparisons: readonly FixedTreatment[];
}

/** How far the shares asked for may be from 1 in sum, as in the test that gets them: decimals written by people. */
const shareSumTolerance = 1e-6;
/** Propensities this far apart are not one number that was rounded. */
const propensityTolerance = 1e-6;

/**
 * Compares arms whose shares stayed the same, in memory that does not grow with the decisions. An arm that the ratio or
 * a vector gives a share, and that was never served, counts with 0. Refuses arms that nobody knows and a ratio that is not one of the arms that are compared; each method may refuse by itself.
 */
export async function compareFixed(
  decisions: ComparedDecisions,
  request: FixedRequest,
): Promise<Result<FixedComparison>> {
  const records = new Map<string, ArmRecord>();
  const counter = new DecisionCounter(request);
  const recordOf = (arm: string): ArmRecord => {
    const record = records.get(arm) ?? new ArmRecord();
    records.set(arm, record);
    return record;
  };
  let withVector = 0;
  for await (const decision of decisions) {
    const record = recordOf(decision.arm);
    if (decision.vector !== undefined) withVector += 1;
    decision.vector?.arms.forEach((arm, at) => {
      const probability = decision.vector?.probabilities[at] ?? 0;
      if (probability > 0) recordOf(arm).expected += probability;
    });
    record.addUnit(propensityOf(decision));
    const reward = counter.rewardOf(decision);
    if (reward !== undefined) record.addReward(reward, decision.covariate);
  }
  const counts = counter.counts();
  // Without decisions the arms are not known, and there is nothing to find fault with.
  const ratio = counts.decisions === 0 ? undefined : request.ratio;
  const treatments = treatmentsOf(request, new Set([...records.keys(), ...(ratio?.keys() ?? [])]));
  if (!treatments.ok) return treatments;
  const names = [request.control, ...treatments.value];
  const arms = names.map((arm) => records.get(arm) ?? new ArmRecord());
  const isExpected = withVector > 0 && withVector === counts.decisions;
  const shares =
    ratio === undefined && isExpected ? accept(expectedShares(arms)) : sharesOf(names, ratio);
  if (!shares.ok) return shares;
  const units = arms.map((arm, index) => ({
    count: arm.units,
    share: shares.value[index] as number,
  }));
  return accept({
    counts,
    treatments: treatments.value,
    equalSharesAssumed: ratio === undefined && !isExpected,
    decisionsOfOtherArms: counts.decisions - units.reduce((sum, { count }) => sum + count, 0),
    propensitiesMoved: arms.some(
      ({ propensityMin, propensityMax }) => propensityMax - propensityMin > propensityTolerance,
    ),
    sampleRatio: sampleRatioTest(units),
    anyTimeSampleRatio: sampleRatioSequence(units),
    arms: names.map((arm, index) =>
      armOf(arm, arms[index] as ArmRecord, shares.value[index] as number),
    ),
    best: bestOf(arms, counts.rewards),
    comparisons: comparisonsOf(treatments.value, arms, { ...request, rewards: counts.rewards }),
  });
}

/** Undefined where the log does not say. */
function propensityOf({ arm, propensity, vector }: ComparedDecision): number | undefined {
  return propensity ?? vector?.probabilities[vector.arms.indexOf(arm)];
}

const notBinary = refuse("out_of_range", "the rewards are not all 0 or 1");
const notInRange = refuse("out_of_range", "the rewards are not all from 0 to 1");
const notUnbounded = refuse(
  "out_of_range",
  "the rewards are not all from 0 to 1; only an unbounded comparison allows that",
);

function comparisonsOf(
  treatments: readonly string[],
  [control, ...others]: readonly ArmRecord[],
  request: FixedRequest & Pick<DecisionCounts, "rewards">,
): readonly FixedTreatment[] {
  const alpha = 1 - request.level;
  const of = <Summary, Effect extends { readonly pValue: number }>(
    summary: (arm: ArmRecord) => Summary,
    compare: (arms: TwoArms<Summary>) => Result<Effect>,
  ) =>
    adjusted(
      others.map((treatment) =>
        compare({ control: summary(control as ArmRecord), treatment: summary(treatment) }),
      ),
      alpha,
    );
  const sample = (arm: ArmRecord) => arm.sample();
  const counts = (arm: ArmRecord) => arm.counts();
  const binary = request.rewards === "binary" ? undefined : notBinary;
  const bounded = request.rewards === "out_of_range" ? notInRange : undefined;
  const outside = bounded === undefined || request.unbounded ? undefined : notUnbounded;
  /** Of rewards in a range the methods know how long to keep silent; of others the skewness says it. */
  const whereNormal = <Summary, Effect extends { readonly pValue: number }>(
    summary: (arm: ArmRecord) => Summary,
    compare: (arms: TwoArms<Summary>) => Result<Effect>,
  ) =>
    of(
      (arm) => arm,
      ({ control, treatment }) =>
        bounded === undefined
          ? compare({ control: summary(control), treatment: summary(treatment) })
          : unless(skewed(control, "the control") ?? skewed(treatment, "the treatment"), () =>
              compare({ control: summary(control), treatment: summary(treatment) }),
            ),
    );
  const sequence = {
    alpha,
    tightestAtN: request.tightestAt,
    ...(request.unbounded ? { range: "unbounded" as const } : {}),
  };
  const methods = {
    difference: whereNormal(sample, (arms) => welchTest(arms, { alpha })),
    relative: whereNormal(sample, (arms) => relativeWelchTest(arms, { alpha })),
    proportions: of(counts, (arms) => binary ?? twoProportionTest(arms, { alpha })),
    exactProportions: of(counts, (arms) => binary ?? exactProportionTest(arms, { alpha })),
    relativeProportions: of(counts, (arms) => binary ?? relativeProportionTest(arms, { alpha })),
    sequence: whereNormal(sample, (arms) => outside ?? differenceSequence(arms, sequence)),
    relativeSequence: whereNormal(
      sample,
      (arms) => outside ?? relativeDifferenceSequence(arms, sequence),
    ),
    boundedSequence: of(sample, (arms) => bounded ?? boundedDifferenceSequence(arms, { alpha })),
    cuped: request.hasCovariate
      ? whereNormal(
          (arm) => arm.covariateSums(),
          (arms) => cupedTest(arms, { alpha }),
        )
      : undefined,
  };
  return treatments.map((treatment, at) => {
    const effects = Object.entries(methods).map(([method, all]) => [method, all?.[at]]);
    return { treatment, ...Object.fromEntries(effects) } as FixedTreatment;
  });
}

function skewed(arm: ArmRecord, name: string) {
  return checkSkewness(arm.skewnessOfMean(), arm.sample().n, name);
}

/** Of 0/1 rewards Beta(1 + successes, 1 + failures), of others the normal approximation of their means. */
function bestOf(
  arms: readonly ArmRecord[],
  rewards: DecisionCounts["rewards"],
): Result<readonly BestArmResult[]> {
  if (arms.some((arm) => arm.sample().n === 0)) return refuse("empty", "an arm has no rewards");
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
  const heavy = arms.map((arm) => skewed(arm, "an arm")).find((refusal) => refusal !== undefined);
  if (rewards === "out_of_range" && heavy !== undefined) return { ok: false, refusal: heavy };
  return bestArmNormal(
    arms.map((arm) => {
      const { n, mean, variance } = arm.sample();
      return { mean, standardDeviation: Math.sqrt(variance / n) };
    }),
  );
}

function armOf(arm: string, record: ArmRecord, share: number): FixedArm {
  const { n, mean, variance } = record.sample();
  return {
    arm,
    units: record.units,
    share,
    rewards: n,
    mean: n > 0 && Number.isFinite(mean) ? mean : undefined,
    standardDeviation: n > 1 && Number.isFinite(variance) ? Math.sqrt(variance) : undefined,
  };
}

function expectedShares(arms: readonly ArmRecord[]): readonly number[] {
  const sum = arms.reduce((total, { expected }) => total + expected, 0);
  return arms.map(({ expected }) => expected / sum);
}

/** The message of a refusal begins with `ratio`. */
function sharesOf(
  names: readonly string[],
  ratio: ReadonlyMap<string, number> | undefined,
): Result<readonly number[]> {
  if (ratio === undefined) return accept(names.map(() => 1 / names.length));
  const strange = [...ratio.keys()].find((arm) => !names.includes(arm));
  if (strange !== undefined) {
    return refuse("unknown_arm", `ratio ${strange}: this arm is not compared`);
  }
  const missing = names.find((arm) => !ratio.has(arm));
  if (missing !== undefined) {
    return refuse("unknown_arm", `ratio: the share of ${missing} is missing`);
  }
  const shares = names.map((arm) => ratio.get(arm) as number);
  const sum = shares.reduce((total, share) => total + share, 0);
  if (Math.abs(sum - 1) <= shareSumTolerance) return accept(shares);
  return refuse(
    "out_of_range",
    `ratio: the shares add up to ${Number(sum.toPrecision(9))} and not to 1`,
  );
}
