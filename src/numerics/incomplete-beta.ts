import { betaPointAt, betaTails } from "./beta-tails.ts";
import { isShape } from "./shape-range.ts";

export { betaQuantile, betaUpperQuantile } from "./beta-quantile.ts";

interface BetaShape {
  readonly alpha: number;
  readonly beta: number;
}

/**
 * P(X ≤ x) for X ~ Beta(alpha, beta): the regularised incomplete beta function I_x(alpha, beta). Shapes
 * as in {@link isShape}, x in [0,1] (0 → 0, 1 → 1); NaN outside.
 */
export function betaCdf(x: number, shape: BetaShape): number {
  if (!(x >= 0 && x <= 1 && areShapes(shape))) return Number.NaN;
  return x === 0 || x === 1 ? x : betaTails(betaPointAt(x, shape)).lower;
}

/** P(X > x) = 1 − {@link betaCdf}, to full relative precision. */
export function betaSf(x: number, shape: BetaShape): number {
  if (!(x >= 0 && x <= 1 && areShapes(shape))) return Number.NaN;
  return x === 0 || x === 1 ? 1 - x : betaTails(betaPointAt(x, shape)).upper;
}

function areShapes({ alpha, beta }: BetaShape): boolean {
  return isShape(alpha) && isShape(beta);
}
