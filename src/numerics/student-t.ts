import { betaPointOf, smallerTail } from "./beta-quantile.ts";
import { betaTails, farUpperTail, oddsMax } from "./beta-tails.ts";
import { isShape } from "./shape-range.ts";

/**
 * P(T > t) of Student's t distribution with `df` degrees of freedom, df as in {@link isShape}, not necessarily whole:
 * ½·I_{df/(df + t²)}(df/2, ½) for t ≥ 0. ±Infinity → 1 or 0; NaN outside the domain. Full relative precision.
 */
export function studentTSf(t: number, df: number): number {
  if (Number.isNaN(t) || !isShape(df / 2)) return Number.NaN;
  if (t < 0) return 1 - studentTSf(-t, df);
  if (t === 0) return 0.5;
  const ratio = (t / df) * t;
  if (ratio === 0) return 0.5;
  if (ratio > oddsMax) {
    const logOdds = 2 * Math.log(t) - Math.log(df);
    return 0.5 * farUpperTail(logOdds, { alpha: 0.5, beta: df / 2 });
  }
  const rest = 1 / (1 + ratio);
  const deviation = 0.5 * (df * ratio - 1) * rest;
  const x = ratio / (1 + ratio);
  return 0.5 * betaTails({ alpha: 0.5, beta: df / 2, x, rest, deviation }).upper;
}

/** The t with P(T ≤ t) = p. 0 → −Infinity, 1 → Infinity; NaN outside the domain. */
export function studentTQuantile(p: number, df: number): number {
  if (!(p >= 0 && p <= 1 && isShape(df / 2))) return Number.NaN;
  return p > 0.5 ? upperQuantile(1 - p, p - 0.5, df) : -upperQuantile(p, 0.5 - p, df);
}

/** The t with P(T > t) = q: −{@link studentTQuantile}(q). */
export function studentTUpperQuantile(q: number, df: number): number {
  return -studentTQuantile(q, df);
}

/** For q ≤ ½, `middle` = ½ − q: t² = df·x/(1 − x) with I_x(½, df/2) = 2·middle = 1 − 2q. */
function upperQuantile(q: number, middle: number, df: number): number {
  if (q === 0) return Number.POSITIVE_INFINITY;
  const side = q < 0.25 ? smallerTail("upper", 2 * q) : smallerTail("lower", 2 * middle);
  const { x, rest, logOdds } = betaPointOf(side, { alpha: 0.5, beta: df / 2 });
  return Math.abs(logOdds) < 600
    ? Math.sqrt(df) * Math.sqrt(x / rest)
    : Math.exp(0.5 * (Math.log(df) + logOdds));
}
