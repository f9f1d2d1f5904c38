import jstat from "jstat";
import { halfLogTwoPi } from "./log-gamma.ts";

/**
 * Chebyshev coefficients of (1 + z)·M(z) in t = (z − 4)/(z + 4), where M(z) is Mills' ratio, upper tail
 * over density, z ≥ 0 (the mapping is Schonfelder's, Math. Comp. 32, 1978). Made with 40 digits in
 * test/fixtures/reference/make_numerics_reference.py; the omitted terms are below 1e-18.
 */
const millsChebyshev = [
  1.1670525350882472, -0.1610195767134654, -0.028002821825452974, 0.03167452189239266,
  -0.012103231162345369, 0.0027056129762167095, -0.00029931636202703166, -1.716686526879361e-5,
  1.0178489264109868e-5, -4.894829570004192e-7, -2.844006500151048e-7, 3.0766283713811506e-8,
  9.180378674469537e-9, -1.2756102213808737e-9, -3.660279376104134e-10, 4.5926359348595205e-11,
  1.7189314687646526e-11, -1.2726833698700693e-12, -8.668081913316188e-13, 1.1061557204136741e-15,
  4.2750210770103334e-14, 3.790937692263904e-15, -1.8474103010592332e-15, -4.0419094130708177e-16,
  5.3408543850173575e-17, 2.941479937590055e-17,
];
export const rootTwoPi = 2.5066282746310007;

/**
 * Density of the standard normal distribution. ±Infinity → 0, NaN → NaN. The one function where jstat
 * meets the reference fixtures everywhere (docs/adr/0003-special-functions.md).
 */
export function normalPdf(x: number): number {
  return jstat.normal.pdf(x, 0, 1);
}

/** P(Z > x). Relative error about 1e-15, up to 2e-13 where it is below 1e-200. NaN → NaN. */
export function normalSf(x: number): number {
  if (x < 0) return 1 - normalSf(-x);
  // The density is 0 from 39 on.
  return x > 40 ? 0 : normalPdf(x) * millsRatio(x);
}

/** The z with P(Z ≤ z) = p. 0 → −Infinity, 1 → Infinity, outside [0,1] → NaN. */
export function normalQuantile(p: number): number {
  return p > 0.5 ? upperQuantile(1 - p, p - 0.5) : -upperQuantile(p, 0.5 - p);
}

/** The z with P(Z > z) = q: −{@link normalQuantile}(q). */
export function normalUpperQuantile(q: number): number {
  return -normalQuantile(q);
}

/** The z ≥ 0 with upper tail q ≤ ½; `middle` = ½ − q, exact. */
function upperQuantile(q: number, middle: number): number {
  if (!(q >= 0)) return Number.NaN;
  if (q === 0) return Number.POSITIVE_INFINITY;
  return middle < 0.2 ? quantileOfMiddle(middle) : quantileOfTail(q);
}

/** Halley's method on ln P(Z > z); start: Abramowitz & Stegun 26.2.23. */
function quantileOfTail(q: number): number {
  const logTail = Math.log(q);
  const t = Math.sqrt(-2 * logTail);
  let z =
    t -
    (2.515517 + t * (0.802853 + t * 0.010328)) /
      (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (let iteration = 0; iteration < 8; iteration += 1) {
    const ratio = millsRatio(z);
    const newton = ratio * (Math.log(ratio) - 0.5 * z * z - halfLogTwoPi - logTail);
    const step = newton / (1 + 0.5 * newton * (1 / ratio - z));
    z += step;
    if (Math.abs(step) < 1e-6 * z) break;
  }
  return z;
}

/** The z with P(0 < Z < z) = middle ≤ 0.2, to full relative precision also near 0: Halley's method. */
function quantileOfMiddle(middle: number): number {
  const first = middle * rootTwoPi;
  let z = first * (1 + (first * first) / 6);
  for (let iteration = 0; iteration < 2; iteration += 1) {
    const newton = middleMassOverDensity(z) - middle / normalPdf(z);
    z -= newton / (1 + 0.5 * newton * z);
  }
  return z;
}

/** P(0 < Z < z)/φ(z) = z + z³/3 + z⁵/15 + … (Abramowitz & Stegun 26.2.11), for 0 ≤ z < 1. */
function middleMassOverDensity(z: number): number {
  const square = z * z;
  let term = z;
  let sum = z;
  for (let odd = 3; term > 1e-17 * sum; odd += 2) {
    term *= square / odd;
    sum += term;
  }
  return sum;
}

/** P(Z > z)/φ(z) for z ≥ 0 (Clenshaw's recurrence). */
function millsRatio(z: number): number {
  const t = (2 * (z - 4)) / (z + 4);
  let next = 0;
  let afterNext = 0;
  for (let index = millsChebyshev.length - 1; index > 0; index -= 1) {
    const current = (millsChebyshev[index] as number) + t * next - afterNext;
    afterNext = next;
    next = current;
  }
  return ((millsChebyshev[0] as number) + 0.5 * t * next - afterNext) / (1 + z);
}
