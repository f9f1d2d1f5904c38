import { gammaCdf, gammaQuantile, gammaSf, gammaUpperQuantile } from "./incomplete-gamma.ts";

/**
 * Chi-square distribution with `df` degrees of freedom, not necessarily a whole number: twice a
 * Gamma(df/2). Same precision and edges as the gamma functions.
 */
export function chiSquareCdf(x: number, df: number): number {
  return gammaCdf(x / 2, df / 2);
}

/** P(X > x), to full relative precision. */
export function chiSquareSf(x: number, df: number): number {
  return gammaSf(x / 2, df / 2);
}

/** The x with P(X ≤ x) = p. */
export function chiSquareQuantile(p: number, df: number): number {
  return 2 * gammaQuantile(p, df / 2);
}

/** The x with P(X > x) = q: the critical value of a test at level q. */
export function chiSquareUpperQuantile(q: number, df: number): number {
  return 2 * gammaUpperQuantile(q, df / 2);
}
