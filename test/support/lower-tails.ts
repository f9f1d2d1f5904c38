import { betaPointOf, smallerTail } from "../../src/numerics/beta-quantile.ts";
import { betaPointAt, betaTails } from "../../src/numerics/beta-tails.ts";
import { normalSf } from "../../src/numerics/normal.ts";
import { isShape } from "../../src/numerics/shape-range.ts";
import { studentTSf } from "../../src/numerics/student-t.ts";

export { betaQuantile } from "../../src/numerics/beta-quantile.ts";

interface BetaShape {
  readonly alpha: number;
  readonly beta: number;
}

/**
 * P(X ≤ x) for X ~ Beta(alpha, beta), by the kernel that the t distribution stands on. x in [0,1] (0 → 0, 1 → 1);
 * NaN outside.
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

/** The x with P(X > x) = q. */
export function betaUpperQuantile(q: number, shape: BetaShape): number {
  return betaPointOf(smallerTail("upper", q), shape).x;
}

/** P(Z ≤ x) of the standard normal distribution. */
export function normalCdf(x: number): number {
  return normalSf(-x);
}

/** P(T ≤ t) of Student's t distribution. */
export function studentTCdf(t: number, df: number): number {
  return studentTSf(-t, df);
}

function areShapes({ alpha, beta }: BetaShape): boolean {
  return isShape(alpha) && isShape(beta);
}
