import type { RewardTotals } from "../domain/contribution.ts";
import { invariant } from "../domain/errors.ts";
import { betaQuantile } from "../numerics/beta-quantile.ts";

/** A Beta distribution over an arm's mean reward. Both shapes are from 0.5 to 1e12. */
export interface Posterior {
  readonly alpha: number;
  readonly beta: number;
}

/** Least shape: with less, a single outcome could rule an arm out for good. Priors are at least this. */
export const shapeMin = 0.5;
/** More tosses than this count as so many, so that nothing overflows. */
const tossesMax = 1e300;
/** More evidence than this is scaled down to it, mean kept: the distribution is a point by then. */
const concentrationMax = 1e12;

/**
 * Prior plus evidence: α = priorAlpha + s·Σ R, β = priorBeta + s·(Σ W − Σ R). Totals that rounding has moved
 * out of 0 ≤ reward ≤ weight by a little are moved back in.
 * @param scale s, from 1 to 2^20: how many tosses of a coin an observation is worth, see `evidenceScales`
 */
export function posterior(
  prior: { readonly alpha: number; readonly beta: number },
  totals: RewardTotals,
  scale = 1,
): Posterior {
  invariant(!Number.isNaN(totals.reward) && !Number.isNaN(totals.weight), "totals are numbers");
  const weight = Math.max(totals.weight, 0);
  const reward = Math.min(Math.max(totals.reward, 0), weight);
  const counted = Math.min(scale, tossesMax / weight);
  const alpha = prior.alpha + reward * counted;
  const beta = prior.beta + (weight - reward) * counted;
  const shrink = Math.min(1, concentrationMax / (alpha + beta));
  return { alpha: Math.max(alpha * shrink, shapeMin), beta: Math.max(beta * shrink, shapeMin) };
}

/** α / (α + β). */
export function posteriorMean({ alpha, beta }: Posterior): number {
  return alpha / (alpha + beta);
}

/** The central interval that has 95 % of the mass. */
export function centralInterval95(shape: Posterior): { low: number; high: number } {
  return { low: betaQuantile(0.025, shape), high: betaQuantile(0.975, shape) };
}
