import type { RewardTotals } from "../domain/contribution.ts";
import { invariant } from "../domain/errors.ts";
import type { StudentTParameters } from "../numerics/student-t-distribution.ts";

/**
 * A normal–inverse-gamma distribution of an arm's mean μ and variance σ²: σ² is inverse-gamma(shape, scale),
 * and μ given σ² is N(mean, σ²/strength).
 */
export interface NormalInverseGamma {
  readonly mean: number;
  /** Observations that the mean is worth, above 0. */
  readonly strength: number;
  /** At least 0.5: the mean is a Student t with at least one degree of freedom. */
  readonly shape: number;
  /** Above 0. */
  readonly scale: number;
}

/** More evidence than this is scaled down to it, mean and spread kept: the distribution is a point by then. */
const weightMax = 1e12;
const meanMax = 1e100;
const squaresMax = 1e200;
const shapeMin = 0.5;

/**
 * The conjugate update (Murphy 2007, "Conjugate Bayesian analysis of the Gaussian distribution", §3)
 * with n = Σ W, x̄ = Σ R / Σ W and S = Σ R²/W − (Σ R)²/Σ W:
 *
 *     strength' = strength + n
 *     mean'     = (strength·mean + n·x̄) / strength'
 *     shape'    = shape + n / 2
 *     scale'    = scale + S/2 + strength·n·(x̄ − mean)² / (2·strength')
 *
 * A generation of weight W counts as W observations of R / W: its likelihood to the power W. S that
 * rounding has moved below 0 counts as 0, and absurd sums are held within ±1e100 for the mean.
 */
export function normalPosterior(
  prior: NormalInverseGamma,
  totals: RewardTotals,
): NormalInverseGamma {
  const { reward, weight, squares } = totals;
  invariant(!Number.isNaN(reward + weight + squares), "totals are numbers");
  if (!(weight > 0)) return prior;
  const observations = Math.min(weight, weightMax);
  const mean = clamp(reward / weight, meanMax);
  // Per observation, so that scaling the evidence down keeps it.
  const spread = clamp(squares / weight, squaresMax) - mean * mean;
  const strength = prior.strength + observations;
  const distance = mean - prior.mean;
  return {
    mean: prior.mean + (observations / strength) * distance,
    strength,
    shape: Math.max(prior.shape + observations / 2, shapeMin),
    scale:
      prior.scale +
      (observations * Math.max(spread, 0)) / 2 +
      (((prior.strength * observations) / strength) * distance * distance) / 2,
  };
}

/** The marginal distribution of the mean: Student t with 2·shape degrees of freedom (Murphy 2007, §3). */
export function meanDistribution({
  mean,
  strength,
  shape,
  scale,
}: NormalInverseGamma): StudentTParameters {
  return {
    location: mean,
    scale: Math.sqrt(scale / shape / strength),
    degreesOfFreedom: 2 * shape,
  };
}

function clamp(value: number, limit: number): number {
  return Math.min(Math.max(value, -limit), limit);
}
