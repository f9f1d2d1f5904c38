import { gammaTails } from "./gamma-tails.ts";
import { isShape } from "./shape-range.ts";

/**
 * P(X ≤ x) for X ~ Gamma(shape, rate 1): the regularised lower incomplete gamma function P(shape, x).
 * Shapes as in {@link isShape}, x ≥ 0 (0 → 0, Infinity → 1); NaN outside.
 */
export function gammaCdf(x: number, shape: number): number {
  if (!(x >= 0 && isShape(shape))) return Number.NaN;
  if (x === 0) return 0;
  return x === Number.POSITIVE_INFINITY ? 1 : gammaTails(x, shape).lower;
}

/** P(X > x) = 1 − {@link gammaCdf}, to full relative precision: Q(shape, x). */
export function gammaSf(x: number, shape: number): number {
  if (!(x >= 0 && isShape(shape))) return Number.NaN;
  if (x === 0) return 1;
  return x === Number.POSITIVE_INFINITY ? 0 : gammaTails(x, shape).upper;
}
