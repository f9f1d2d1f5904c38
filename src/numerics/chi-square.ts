import { gammaSf } from "./incomplete-gamma.ts";

/**
 * P(X > x) for the chi-square distribution with `df` degrees of freedom, not necessarily a whole number: twice a
 * Gamma(df/2). Full relative precision; same edges as {@link gammaSf}.
 */
export function chiSquareSf(x: number, df: number): number {
  // Not x/2 < 0: the negative number next to 0 must not become a 0 that is in the domain.
  return x < 0 ? Number.NaN : gammaSf(x / 2, df / 2);
}
