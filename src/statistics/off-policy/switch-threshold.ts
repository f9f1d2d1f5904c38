import { accept, type Refusal, type Result } from "../result.ts";
import type { ContextSums } from "./context-sums.ts";
import type { WeightSummary } from "./overlap.ts";
import type { MeanAndVariance } from "./value-estimate.ts";
import type { WeightMoments } from "./weight-moments.ts";

/** The weights up to a threshold, those above counting as 0. */
export interface KeptWeights extends WeightSummary {
  /** Undefined when nothing is above it. */
  readonly threshold: number | undefined;
  /** How far the rows above it, left to the model, may move the estimate. */
  readonly biasBound: number;
}

/** For every threshold what is kept by it. */
export function keptWeights(input: {
  readonly contexts: readonly ContextSums[];
  readonly weights: WeightMoments;
  readonly rewardMin: number;
  readonly rewardMax: number;
  readonly thresholds: readonly number[];
  /** Of each bin; 0 when it is empty. */
  readonly largestWeights: Float64Array;
}): readonly KeptWeights[] {
  const { rows, meanWeight } = input.weights;
  const sums = new Float64Array(input.thresholds.length);
  const squares = new Float64Array(input.thresholds.length);
  for (const context of input.contexts) {
    for (const group of context.groups()) {
      (sums[group.bin] as number) += group.weight;
      (squares[group.bin] as number) += group.weightSquares;
    }
  }
  const rewardRange = rangeOf(input.rewardMin, input.rewardMax);
  let sum = 0;
  let square = 0;
  let largestWeight = 0;
  return input.thresholds.map((threshold, bin) => {
    sum += sums[bin] as number;
    square += squares[bin] as number;
    largestWeight = Math.max(largestWeight, input.largestWeights[bin] as number);
    const keptMean = sum / rows;
    const variance = rows > 1 ? Math.max(0, square - sum * keptMean) / (rows * (rows - 1)) : 0;
    const meanWeightStandardError = Math.sqrt(variance);
    const missing = Math.max(0, 1 - keptMean + 2 * meanWeightStandardError);
    const isAll = largestWeight === input.weights.largestWeight;
    return {
      threshold: isAll ? undefined : threshold,
      biasBound: isAll ? 0 : rewardRange * Math.min(meanWeight - keptMean, missing),
      effectiveSampleSize: square > 0 ? sum ** 2 / square : 0,
      meanWeight: keptMean,
      meanWeightStandardError,
      largestWeight,
    };
  });
}

/** A threshold, what it keeps, and doubly robust with the rest left to the model. */
export interface ThresholdOption {
  readonly kept: KeptWeights;
  readonly mean: MeanAndVariance;
}

/**
 * The threshold with the smallest estimated mean squared error, variance + (bound of the bias)², as Wang,
 * Agarwal & Dudík (2017, "Automatic parameter tuning") choose it, among those that keep weights which may be
 * relied on; the largest of several. The condition is ours: the variance is estimated from the rows, and one row
 * with an enormous weight whose reward happens to be what the model says adds nothing to it.
 *
 * Their bound is R · P(a weight above the threshold, under the candidate policy), with R the largest possible
 * reward. They average that probability over all arms, which needs the propensity of every arm. Here it is had
 * from the served ones in two ways: as the mean of the weights above the threshold, which swings as wildly as IPS
 * does, and as what the mean of those below lacks to 1, with two standard errors on top. The smaller one counts.
 * @param options at least one, thresholds rising
 * @param refusalOf why an option's weights may not be relied on; undefined if they may
 * @returns the refusal of the best option when all are refused
 */
export function chooseThreshold(
  options: readonly ThresholdOption[],
  refusalOf: (kept: KeptWeights) => Refusal | undefined,
): Result<ThresholdOption> {
  const errorOf = ({ kept, mean }: ThresholdOption) => mean.variance + kept.biasBound ** 2;
  // Stable: of several with the same error the largest threshold stays in front.
  const ranked = options.toReversed().sort((a, b) => errorOf(a) - errorOf(b));
  const chosen = ranked.find(({ kept }) => refusalOf(kept) === undefined);
  if (chosen !== undefined) return accept(chosen);
  const [best] = ranked as [ThresholdOption, ...ThresholdOption[]];
  return { ok: false, refusal: refusalOf(best.kept) as Refusal };
}

/** Rewards that are all in [0,1] could be anything in it; others nothing beyond what was seen. */
function rangeOf(min: number, max: number): number {
  return min >= 0 && max <= 1 ? 1 : max - min;
}
