import { betaPointOf, smallerTail } from "./beta-quantile.ts";
import { betaTails, farUpperTail, oddsMax } from "./beta-tails.ts";
import { isShape } from "./shape-range.ts";
import type { Tails } from "./uniform-expansion.ts";

/** Degrees of freedom of numerator and denominator, as in {@link isShape}, not necessarily whole. */
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
  if (!(x >= 0 && isShape(df1 / 2) && isShape(df2 / 2)))
    return { lower: Number.NaN, upper: Number.NaN };
  if (x === 0) return { lower: 0, upper: 1 };
  const odds = (df1 / df2) * x;
  const shape = { alpha: df1 / 2, beta: df2 / 2 };
  if (odds > oddsMax || odds < 1 / oddsMax) {
    const logOdds = Math.log(df1) - Math.log(df2) + Math.log(x);
    if (logOdds > 0) {
      const upper = farUpperTail(logOdds, shape);
      return { lower: 1 - upper, upper };
    }
    const lower = farUpperTail(-logOdds, { alpha: shape.beta, beta: shape.alpha });
    return { lower, upper: 1 - lower };
  }
  const share = odds / (1 + odds);
  const rest = 1 / (1 + odds);
  return betaTails({
    ...shape,
    x: share,
    rest,
    // beta·x − alpha·(1 − x), where the cancellation is that of F − 1 only.
    deviation: 0.5 * df1 * (x - 1) * rest,
  });
}

function quantile(side: Parameters<typeof betaPointOf>[0], { df1, df2 }: Degrees): number {
  const { x, rest, logOdds } = betaPointOf(side, { alpha: df1 / 2, beta: df2 / 2 });
  return Math.abs(logOdds) < 600
    ? (df2 / df1) * (x / rest)
    : Math.exp(Math.log(df2) - Math.log(df1) + logOdds);
}
