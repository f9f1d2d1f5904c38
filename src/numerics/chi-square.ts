import { gammaCdf, gammaQuantile, gammaSf, gammaUpperQuantile } from "./incomplete-gamma.ts";

/**
 * Chi-square distribution with `df` degrees of freedom, not necessarily a whole number: twice a
 * Gamma(df/2). Same precision and edges as the gamma functions.
 */
export function chiSquareCdf(x: number, df: number): number {
  return gammaCdf(half(x), df / 2);
}

/** P(X > x), to full relative precision. */
export function chiSquareSf(x: number, df: number): number {
  return gammaSf(half(x), df / 2);
}

/** The x with P(X ≤ x) = p. */
export function chiSquareQuantile(p: number, df: number): number {
  return 2 * gammaQuantile(p, df / 2);
}

/** The x with P(X > x) = q: the critical value of a test at level q. */
export function chiSquareUpperQuantile(q: number, df: number): number {
  return 2 * gammaUpperQuantile(q, df / 2);
}

/** x/2, where the negative number next to 0 does not become a 0 that is in the domain. */
function half(x: number): number {
  return x < 0 ? Number.NaN : x / 2;
}
