import {
  logBeta,
  logGammaOfOnePlus,
  logGammaRise,
  stirlingError,
  stirlingFrom,
} from "./log-gamma.ts";
import { log1pMinus } from "./log1p-minus.ts";
import { rootTwoPi } from "./normal.ts";
import { type Tails, uniformReach, uniformShapeMin, uniformTails } from "./uniform-expansion.ts";

/**
 * A point of the beta distribution from both ends, so that neither end's digits are lost: x, 1 − x, and
 * the deviation beta·x − alpha·(1 − x) from the mean x₀ = alpha/(alpha + beta), which is
 * (alpha + beta)·(x − x₀).
 */
export interface BetaPoint {
  readonly alpha: number;
  readonly beta: number;
  readonly x: number;
  readonly rest: number;
  readonly deviation: number;
}

/** The point x in [0,1]; the deviation is exact to its last digit. */
export function betaPointAt(x: number, shape: { alpha: number; beta: number }): BetaPoint {
  const { alpha, beta } = shape;
  const rest = 1 - x;
  // From the smaller of the two, which has no rounding of its own: (α + β)·x − α, or its mirror image.
  const deviation = x <= 0.5 ? sumMinus(alpha, beta, x, alpha) : -sumMinus(alpha, beta, rest, beta);
  return { alpha, beta, x, rest, deviation };
}

/** The same seen from the other end: X → 1 − X. */
export function mirrored(point: BetaPoint): BetaPoint {
  return {
    alpha: point.beta,
    beta: point.alpha,
    x: point.rest,
    rest: point.x,
    deviation: -point.deviation,
  };
}

/**
 * Both tails of the beta distribution at 0 < x < 1. The smaller tail has its full
 * relative precision.
 *
 * Which method where: near the middle, when both shapes are large, {@link uniformTails}; near an end the
 * power series (DLMF 8.17.7), in a form that gives both tails; elsewhere, from the mean outwards, the
 * continued fraction of DiDonato & Morris (1992, "Algorithm 708", procedure BFRAC).
 */
export function betaTails(point: BetaPoint): Tails {
  const { alpha, beta, x, rest, deviation } = point;
  if (alpha > beta && Math.min(alpha, beta) >= uniformShapeMin)
    return swapped(betaTails(mirrored(point)));
  if (alpha >= uniformShapeMin && beta >= alpha) {
    const w = Math.sign(deviation) * Math.sqrt((-2 * logDensityFall(point)) / alpha);
    if (Math.abs(w) <= uniformReach) {
      return uniformTails({ shape: alpha, share: alpha / (alpha + beta), w });
    }
  }
  if (x <= 0.7 && (beta <= 1 || beta * x <= 1)) return tailsBySeries(point);
  if (rest <= 0.7 && (alpha <= 1 || alpha * rest <= 1))
    return swapped(tailsBySeries(mirrored(point)));
  return deviation > 0 ? swapped(tailsByFraction(mirrored(point))) : tailsByFraction(point);
}

/** Odds x/(1 − x) up to which {@link betaTails} can be used; beyond, 1 − x is about to underflow. */
export const oddsMax = 1e290;

/** P(X > x) for ln(x/(1 − x)) above ln {@link oddsMax}: the first term of the power series at that end. */
export function farUpperTail(
  logOdds: number,
  shape: { readonly alpha: number; readonly beta: number },
): number {
  const { alpha, beta } = shape;
  return Math.exp(-beta * logOdds - logBetaTimesFirst(beta, alpha));
}

/** x^α (1−x)^β / B(α, β): the density of logit X. */
export function betaKernel(point: BetaPoint): number {
  const { alpha, beta, x, rest } = point;
  if (Math.min(alpha, beta) < stirlingFrom) {
    const logX = x <= 0.5 ? Math.log(x) : Math.log1p(-rest);
    const logRest = rest < 0.5 ? Math.log(rest) : Math.log1p(-x);
    return Math.exp(alpha * logX + beta * logRest - logBeta(alpha, beta));
  }
  const sum = alpha + beta;
  const corrections = stirlingError(sum) - stirlingError(alpha) - stirlingError(beta);
  return (
    (Math.sqrt(alpha * (beta / sum)) / rootTwoPi) * Math.exp(logDensityFall(point) + corrections)
  );
}

/** ln of the logit's density over its peak, α ln(x/x₀) + β ln((1−x)/(1−x₀)), without cancellation. */
function logDensityFall(point: BetaPoint): number {
  const { alpha, beta, x, rest, deviation } = point;
  return (
    alpha * logRatioMinus(deviation / alpha, x, alpha, beta) +
    beta * logRatioMinus(-deviation / beta, rest, beta, alpha)
  );
}

/** ln(1 + u) − u with 1 + u = x·(a + b)/a, from whichever of the two keeps its digits. */
function logRatioMinus(u: number, x: number, a: number, b: number): number {
  return u > -0.5 ? log1pMinus(u) : Math.log(x * (1 + b / a)) - u;
}

/** I_x = x^α/(α B)·(1 + α Σ (1−β)(2−β)…(n−β)/n!·x^n/(α+n)), n from 1. */
function tailsBySeries(point: BetaPoint): Tails {
  const { alpha, beta, x } = point;
  const logPower = alpha * Math.log(x) - logBetaTimesFirst(alpha, beta);
  const power = Math.exp(logPower);
  let factor = 1;
  let sum = 0;
  for (let n = 1; n < 1000; n += 1) {
    factor *= (1 - beta / n) * x;
    const term = factor / (alpha + n);
    sum += term;
    if (Math.abs(term) <= 1e-17 * Math.abs(sum)) break;
  }
  const more = power * alpha * sum;
  return { lower: power + more, upper: -Math.expm1(logPower) - more };
}

/** ln(a·B(a, b)), to the precision of a where a is small. Then I_x(a, b) is x^a over this, for x near 0. */
export function logBetaTimesFirst(a: number, b: number): number {
  return a <= b && a < stirlingFrom
    ? logGammaOfOnePlus(a) - logGammaRise(b, a)
    : Math.log(a) + logBeta(a, b);
}

/** I_x below the mean: the kernel times 1/(β₁ + α₂/(β₂ + α₃/(β₃ + …))), by Lentz's method. */
function tailsByFraction(point: BetaPoint): Tails {
  const { alpha: a, beta: b, x, rest, deviation } = point;
  let denominator = (a / (a + 1)) * (1 - deviation);
  let ratio = 1 / denominator;
  let value = ratio;
  let c = Number.POSITIVE_INFINITY;
  for (let n = 1; n < 5000; n += 1) {
    const step = n * (b - n) * x;
    const numerator =
      (((a + n - 1) / (a + 2 * n - 1)) * ((a + b + n - 1) * x) * step) / (a + 2 * n - 1);
    denominator =
      n + step / (a + 2 * n - 1) + ((a + n) / (a + 2 * n + 1)) * (1 - deviation + n * (1 + rest));
    ratio = 1 / (denominator + numerator * ratio);
    c = denominator + numerator / c;
    const change = c * ratio;
    value *= change;
    if (Math.abs(change - 1) < 3e-16) break;
  }
  const lower = betaKernel(point) * value;
  return { lower, upper: 1 - lower };
}

function swapped(tails: Tails): Tails {
  return { lower: tails.upper, upper: tails.lower };
}

/** (a + b)·x − c with the rounding errors of the products and sums kept (Dekker 1971, Knuth). */
function sumMinus(a: number, b: number, x: number, c: number): number {
  const first = a * x;
  const second = b * x;
  const firstError = productError(a, x, first);
  const secondError = productError(b, x, second);
  const sum = first + second;
  const shift = sum - first;
  const sumError = first - (sum - shift) + (second - shift);
  const result = sum - c;
  const back = result - sum;
  const resultError = sum - (result - back) - (c + back);
  return result + (resultError + sumError + firstError + secondError);
}

/** a·b − product, exactly. */
function productError(a: number, b: number, product: number): number {
  const aHigh = highHalf(a);
  const bHigh = highHalf(b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

function highHalf(value: number): number {
  const spread = 134217729 * value;
  return spread - (spread - value);
}
