import { betaPointOf, smallerTail } from "./beta-quantile.ts";
import { betaTails } from "./beta-tails.ts";
import type { Tails } from "./uniform-expansion.ts";

/** Degrees of freedom of numerator and denominator, in (0, ∞), not necessarily whole. */
interface Degrees {
  readonly df1: number;
  readonly df2: number;
}

/** P(F ≤ x) of the F distribution. x ≥ 0 (0 → 0, Infinity → 1); NaN outside the domain. */
export function fCdf(x: number, degrees: Degrees): number {
  return tails(x, degrees).lower;
}

/** P(F > x) = 1 − {@link fCdf}, to full relative precision. */
export function fSf(x: number, degrees: Degrees): number {
  return tails(x, degrees).upper;
}

/** The x with P(F ≤ x) = p. 0 → 0, 1 → Infinity; NaN outside the domain. */
export function fQuantile(p: number, degrees: Degrees): number {
  return quantile(smallerTail("lower", p), degrees);
}

/** The x with P(F > x) = q: {@link fQuantile}(1 − q) without that subtraction's loss. */
export function fUpperQuantile(q: number, degrees: Degrees): number {
  return quantile(smallerTail("upper", q), degrees);
}

/** X = d₁F/(d₁F + d₂) is Beta(d₁/2, d₂/2). */
function tails(x: number, { df1, df2 }: Degrees): Tails {
  if (!(x >= 0 && isDegrees(df1) && isDegrees(df2)))
    return { lower: Number.NaN, upper: Number.NaN };
  const odds = (df1 / df2) * x;
  const share = odds / (1 + odds);
  const rest = 1 / (1 + odds);
  if (share === 0) return { lower: 0, upper: 1 };
  if (rest === 0 || odds === Number.POSITIVE_INFINITY) return { lower: 1, upper: 0 };
  return betaTails({
    alpha: df1 / 2,
    beta: df2 / 2,
    x: share,
    rest,
    // beta·x − alpha·(1 − x), where the cancellation is that of F − 1 only.
    deviation: 0.5 * df1 * (x - 1) * rest,
  });
}

function quantile(side: Parameters<typeof betaPointOf>[0], { df1, df2 }: Degrees): number {
  const { x, rest } = betaPointOf(side, { alpha: df1 / 2, beta: df2 / 2 });
  return (df2 / df1) * (x / rest);
}

function isDegrees(df: number): boolean {
  return df > 0 && df < Number.POSITIVE_INFINITY;
}
