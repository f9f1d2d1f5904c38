import { normalPdf, normalSf } from "./normal.ts";

/** Smallest shape and largest |w| at which {@link uniformTails} keeps its precision. */
export const uniformShapeMin = 10;
export const uniformReach = 1;

/** Terms of the power series in w; they fall at least as fast as (2√π)^−k ≈ 3.54^−k. */
const order = 34;

export interface Tails {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Both tails of a gamma or beta distribution near its middle, where power series and continued
 * fractions need √shape terms: Temme's uniform expansion
 *
 *     P = Φ(w√m) − φ(w√m)·S(w)/√m,      Q = Φ(−w√m) + φ(w√m)·S(w)/√m
 *
 * summed by the backward recursion of Gil, Segura & Temme (2012, "Efficient and accurate algorithms for
 * the computation and inversion of the incomplete gamma function ratios"); for the beta distribution
 * see Temme (1992, "Asymptotic inversion of the incomplete beta function"). With m the
 * smaller shape and ½mw² = −ln(density of the logit over its peak) both are one case: the relative
 * deviation δ = x/x₀ − 1 from the mean parameter x₀ obeys
 *
 *     δ·dδ/dw = w·(1 + δ)·(1 − s − s·δ),     s = a/(a + b) ≤ ½ for Beta(a, b), s = 0 for Gamma(a).
 *
 * `shape` is m, at least {@link uniformShapeMin}; `share` is s; `w` is negative below x₀ and at most
 * {@link uniformReach} in size. Relative error about 1e-14 in both tails.
 */
export function uniformTails(options: {
  readonly shape: number;
  readonly share: number;
  readonly w: number;
}): Tails {
  const { shape, share, w } = options;
  const ratios = seriesOf(share);
  // f = (1 + b₁/m)(1 + wS − S'/m) term by term: b_{k−1} = f_k + (k + 1)·b_{k+1}/m.
  let sum = 0;
  for (let k = order; k >= 1; k -= 1) {
    terms[k - 1] = (ratios[k] as number) + ((k + 1) * (terms[k + 1] as number)) / shape;
    sum = sum * w + (terms[k - 1] as number);
  }
  const z = w * Math.sqrt(shape);
  const correction = (normalPdf(z) * sum) / (Math.sqrt(shape) * (1 + (terms[1] as number) / shape));
  return { lower: normalSf(-z) - correction, upper: normalSf(z) + correction };
}

/**
 * δ(w) of {@link uniformTails}, the first three terms: roughly the relative deviation that corresponds to
 * a normal quantile of w√m.
 */
export function uniformDeviation(share: number, w: number): number {
  const rest = 1 - share;
  const skew = rest - share;
  const first = Math.sqrt(rest);
  return w * (first + w * (skew / 3 + (w * (skew * skew - 9 * share * rest)) / (36 * first)));
}

/** b₀ … of the call that runs; the last two are 0. No call is interrupted by another one. */
const terms = new Float64Array(order + 2);

/** The gamma distribution's series, and the last other one: a quantile and an interval ask often for one share. */
const gammaSeries = ratioSeries(0);
let lastShare = 0;
let lastSeries = gammaSeries;

function seriesOf(share: number): Float64Array {
  if (share === 0) return gammaSeries;
  if (share !== lastShare) {
    lastSeries = ratioSeries(share);
    lastShare = share;
  }
  return lastSeries;
}

/** Coefficients of f(w) = δ'(0)·w/δ(w), which is the density over the normal one. */
function ratioSeries(share: number): Float64Array {
  const rest = 1 - share;
  const deviations = new Float64Array(order + 2);
  const squares = new Float64Array(order + 3);
  const first = Math.sqrt(rest);
  deviations[1] = first;
  squares[2] = rest;
  for (let k = 3; k <= order + 2; k += 1) {
    // (δ²)' = 2w·(rest + (rest − share)·δ − share·δ²), then δ from δ².
    const square =
      (2 * ((rest - share) * (deviations[k - 2] as number) - share * (squares[k - 2] as number))) /
      k;
    squares[k] = square;
    let cross = 0;
    for (let i = 2; i <= k - 2; i += 1) {
      cross += (deviations[i] as number) * (deviations[k - i] as number);
    }
    deviations[k - 1] = (square - cross) / (2 * first);
  }
  const ratios = new Float64Array(order + 1);
  ratios[0] = 1;
  for (let k = 1; k <= order; k += 1) {
    let cross = 0;
    for (let i = 1; i <= k; i += 1) {
      cross += (deviations[i + 1] as number) * (ratios[k - i] as number);
    }
    ratios[k] = -cross / first;
  }
  return ratios;
}
