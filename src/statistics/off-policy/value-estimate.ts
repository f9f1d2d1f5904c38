import { acceptFinite, normalInterval } from "../comparison.ts";
import { accept, type Result, refuse } from "../result.ts";
import type { OffPolicyEstimate, ValueEstimate } from "./evaluation.ts";
import type { WeightSummary } from "./overlap.ts";

/** A mean, and the variance of that mean (delta method). */
export interface MeanAndVariance {
  readonly value: number;
  readonly variance: number;
}

/** value ± z·√variance, z the normal quantile that leaves (1 − level)/2 on each side. */
export function valueEstimate(
  { value, variance }: MeanAndVariance,
  level: number,
): Result<ValueEstimate> {
  if (variance === 0) {
    return refuse(
      "zero_variance",
      "every row that counts says the same, so no spread can be estimated",
    );
  }
  const mean = { estimate: value, standardError: Math.sqrt(variance) };
  const { estimate: _, ...interval } = normalInterval(mean, 1 - level);
  return acceptFinite({ value, ...interval });
}

/** The same, with the weights that were used. */
export function weightedEstimate(
  mean: MeanAndVariance,
  weights: WeightSummary,
  level: number,
): Result<OffPolicyEstimate> {
  const estimate = valueEstimate(mean, level);
  if (!estimate.ok) return estimate;
  const { effectiveSampleSize, meanWeight, meanWeightStandardError, largestWeight } = weights;
  return accept({
    ...estimate.value,
    effectiveSampleSize,
    meanWeight,
    meanWeightStandardError,
    largestWeight,
  });
}
