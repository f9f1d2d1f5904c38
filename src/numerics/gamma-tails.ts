import { logGamma, logGammaOfOnePlus, stirlingError, stirlingFrom } from "./log-gamma.ts";
import { log1pMinus } from "./log1p-minus.ts";
import { rootTwoPi } from "./normal.ts";
import { type Tails, uniformReach, uniformShapeMin, uniformTails } from "./uniform-expansion.ts";

/**
 * Both tails of the gamma distribution with the given shape and rate 1 at 0 < x < ∞.
 * The smaller tail has its full relative precision.
 *
 * Which method where: near the middle of a large shape {@link uniformTails}; for small shapes and
 * x ≤ 1.5 the power series (DLMF 8.7.1); elsewhere, below the mean the series with positive terms
 * (DLMF 8.11.4), above it Legendre's continued fraction (the even part of DLMF
 * 8.9.2) by Lentz's method.
 */
export function gammaTails(x: number, shape: number): Tails {
  const relative = (x - shape) / shape;
  if (shape >= uniformShapeMin && Math.abs(relative) < 2) {
    const w = Math.sign(relative) * Math.sqrt(-2 * log1pMinus(relative));
    if (Math.abs(w) <= uniformReach) return uniformTails({ shape, share: 0, w });
  }
  if (shape < 2 && x <= 1.5) return tailsByAlternatingSeries(x, shape);
  if (x < shape) {
    const lower = gammaKernel(x, shape) * positiveSeries(x, shape);
    return { lower, upper: 1 - lower };
  }
  const upper = gammaKernel(x, shape) * continuedFraction(x, shape);
  return { lower: 1 - upper, upper };
}

/**
 * x^a e^−x / Γ(a): density times x, so the density of ln X. For shapes from {@link stirlingFrom} by the
 * saddle point (Loader 2000), whose terms do not cancel.
 */
export function gammaKernel(x: number, shape: number): number {
  if (shape < stirlingFrom) return Math.exp(shape * Math.log(x) - x - logGamma(shape));
  const relative = (x - shape) / shape;
  const exponent =
    relative > -0.5 ? shape * log1pMinus(relative) : shape * Math.log(x / shape) - (x - shape);
  return (Math.sqrt(shape) / rootTwoPi) * Math.exp(exponent - stirlingError(shape));
}

/**
 * P = x^a/Γ(a + 1)·(1 + a·Σ (−x)^n/(n!(a + n))), n from 1. For small shapes P is nearly 1; Q comes from
 * the same terms without being a difference from 1.
 */
function tailsByAlternatingSeries(x: number, shape: number): Tails {
  const logPower = shape * Math.log(x) - logGammaOfOnePlus(shape);
  const power = Math.exp(logPower);
  let factor = 1;
  let sum = 0;
  for (let n = 1; n < 60; n += 1) {
    factor *= -x / n;
    const term = factor / (shape + n);
    sum += term;
    if (Math.abs(term) < 1e-17 * Math.abs(sum)) break;
  }
  const rest = power * shape * sum;
  return { lower: power + rest, upper: -Math.expm1(logPower) - rest };
}

/** γ(a, x)·e^x·x^−a = Σ x^n/(a(a + 1)…(a + n)), n from 0. */
function positiveSeries(x: number, shape: number): number {
  let term = 1 / shape;
  let sum = term;
  for (let n = 1; term > 1e-17 * sum; n += 1) {
    term *= x / (shape + n);
    sum += term;
  }
  return sum;
}

/** Γ(a, x)·e^x·x^−a = 1/(x + 1 − a − 1·(1 − a)/(x + 3 − a − 2·(2 − a)/(x + 5 − a − …))). */
function continuedFraction(x: number, shape: number): number {
  let denominator = x + 1 - shape;
  let ratio = 1 / denominator;
  let value = ratio;
  let c = Number.POSITIVE_INFINITY;
  for (let n = 1; n < 1000; n += 1) {
    const numerator = -n * (n - shape);
    denominator += 2;
    ratio = 1 / (denominator + numerator * ratio);
    c = denominator + numerator / c;
    const change = c * ratio;
    value *= change;
    if (Math.abs(change - 1) < 3e-16) break;
  }
  return value;
}
