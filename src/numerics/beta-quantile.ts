import jstat from "jstat";
import { LogitBetaGrid } from "./logit-beta-grid.ts";

/**
 * Shapes between which jstat's quantile meets the reference fixtures (relative error ≤ 1e-9 at
 * probabilities from 0.001 to 0.999).
 */
const jstatShapeMin = 1;
const jstatShapeMax = 1000;

/**
 * The value below which Beta(alpha, beta) has the given mass. `probability` from 0.001 to 0.999, shapes
 * from 0.5 to 1e12. Relative error ≤ 1e-9 where jstat answers, elsewhere ≤ 1e-6 of a standard deviation.
 */
export function betaQuantile(
  probability: number,
  shape: { readonly alpha: number; readonly beta: number },
): number {
  const { alpha, beta } = shape;
  if (Math.min(alpha, beta) >= jstatShapeMin && Math.max(alpha, beta) <= jstatShapeMax) {
    return jstat.beta.inv(probability, alpha, beta);
  }
  return 1 / (1 + Math.exp(-new LogitBetaGrid(alpha, beta).quantile(probability)));
}
