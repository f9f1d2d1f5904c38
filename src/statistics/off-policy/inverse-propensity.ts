import type { MeanAndVariance } from "./value-estimate.ts";
import type { WeightMoments } from "./weight-moments.ts";

/**
 * Inverse propensity score, V = Σ w·r / n (Horvitz & Thompson 1952). Var V = s²(w·r)/n.
 * @param shift what was taken off every reward before it was added up: w·r = w·(r − shift) + shift·w
 */
export function inversePropensityScore(weights: WeightMoments, shift: number): MeanAndVariance {
  return {
    value: weights.meanProduct + shift * weights.meanWeight,
    variance: weights.spreadAbout(-shift) / (weights.rows * (weights.rows - 1)),
  };
}

/**
 * Self-normalised, V = Σ w·r / Σ w (Swaminathan & Joachims 2015, "The self-normalized estimator for counterfactual learning"). By the delta method for a ratio
 * Var V = s²(w(r − V)) / (n·w̄²). Not unbiased: the bias shrinks as 1/n.
 */
export function selfNormalised(weights: WeightMoments, shift: number): MeanAndVariance {
  const value = selfNormalisedMean(weights);
  const { rows, meanWeight } = weights;
  return {
    value: shift + value,
    variance: weights.spreadAbout(value) / (rows * (rows - 1) * meanWeight ** 2),
  };
}

/** Of the rewards as they were added up. 0 when no row has a weight. */
export function selfNormalisedMean(weights: WeightMoments): number {
  return weights.meanWeight > 0 ? weights.meanProduct / weights.meanWeight : 0;
}
