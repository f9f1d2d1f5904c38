/** (−1)^k (ζ(k) − 1) / k from k = 2: Abramowitz & Stegun 6.1.33. */
const zetaTerms = [
  0.3224670334241132, -0.06735230105319809, 0.02058080842778455, -0.007385551028673985,
  0.002890510330741523, -0.001192753911703261, 0.0005096695247430425, -0.0002231547584535794,
  9.945751278180853e-5, -4.492623673813314e-5, 2.050721277567069e-5, -9.439488275268397e-6,
  4.37486678990749e-6, -2.039215753801366e-6, 9.55141213040742e-7, -4.492469198764566e-7,
  2.120718480555467e-7, -1.00432248239681e-7, 4.769810169363981e-8, -2.271109460894316e-8,
  1.083865921489695e-8, -5.183475041970047e-9, 2.483674543802478e-9, -1.192140140586091e-9,
  5.731367241678862e-10, -2.759522885124233e-10, 1.330476437424449e-10,
];
const oneMinusEuler = 0.42278433509846713;
export const halfLogTwoPi = 0.9189385332046728;
/** B_2k / (2k (2k − 1)) from k = 1: the coefficients of Stirling's series, Abramowitz & Stegun 6.1.41. */
const stirlingTerms = [
  1 / 12,
  -1 / 360,
  1 / 1260,
  -1 / 1680,
  1 / 1188,
  -691 / 360360,
  1 / 156,
  -3617 / 122400,
  43867 / 244188,
];
/** From here on the terms of Stirling's series that are left out are below 1e-18. */
export const stirlingFrom = 10;

/**
 * ln Γ(x) for x > 0. Relative error about 1e-15, also around its zeros at 1 and 2 (there by the Taylor
 * series in ζ(k) − 1, elsewhere by recurrence to it or by Stirling's series). 0 → Infinity,
 * Infinity → Infinity, negative or NaN → NaN.
 */
export function logGamma(x: number): number {
  if (!(x >= 0)) return Number.NaN;
  if (x === 0 || x === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  if (x >= stirlingFrom) {
    return (x - 0.5) * (Math.log(x) - 1) + (halfLogTwoPi - 0.5) + stirlingError(x);
  }
  if (x < 0.5) return logGammaOfTwoPlus(x) - Math.log1p(x) - Math.log(x);
  if (x < 1.5) return logGammaOfTwoPlus(x - 1) - Math.log1p(x - 1);
  let rest = x;
  let product = 1;
  while (rest >= 2.5) {
    rest -= 1;
    product *= rest;
  }
  return Math.log(product) + logGammaOfTwoPlus(rest - 2);
}

/** ln Γ(1 + x) for x ≥ 0, to full relative precision also where 1 + x would round x away. */
export function logGammaOfOnePlus(x: number): number {
  return x < 0.5 ? logGammaOfTwoPlus(x) - Math.log1p(x) : logGamma(1 + x);
}

/**
 * ln B(a, b) = ln Γ(a) + ln Γ(b) − ln Γ(a + b) for a, b > 0 without the cancellation of that formula:
 * relative error about 1e-15 (absolute where B is near 1). A shape of 0 → Infinity (both infinite →
 * −Infinity), outside the domain → NaN.
 */
export function logBeta(a: number, b: number): number {
  const small = Math.min(a, b);
  const large = Math.max(a, b);
  if (!(small >= 0)) return Number.NaN;
  if (large === Number.POSITIVE_INFINITY) {
    return small === 0 ? Number.NaN : Number.NEGATIVE_INFINITY;
  }
  if (small === 0) return Number.POSITIVE_INFINITY;
  if (small < stirlingFrom) return logGamma(small) - logGammaRise(large, small);
  const corrections = stirlingError(small) + stirlingError(large) - stirlingError(small + large);
  return (
    halfLogTwoPi -
    0.5 * Math.log(large) +
    corrections -
    (small - 0.5) * Math.log1p(large / small) -
    large * Math.log1p(small / large)
  );
}

/**
 * ln Γ(x + rise) − ln Γ(x) for x, rise > 0, to about 1e-15 of its size even where the two terms agree
 * in all their digits (small rise, or large x).
 */
export function logGammaRise(x: number, rise: number): number {
  if (rise >= 0.5 && x + rise < stirlingFrom) return logGamma(x + rise) - logGamma(x);
  let result = 0;
  let from = x;
  while (from < stirlingFrom) {
    result -= Math.log1p(rise / from);
    from += 1;
  }
  const to = from + rise;
  result += (from - 0.5) * Math.log1p(rise / from) + rise * (Math.log(to) - 1);
  return result + stirlingErrorDifference(from, rise);
}

/** ln Γ(x) − [(x − ½) ln x − x + ½ ln 2π] for x ≥ {@link stirlingFrom}: at most 1/(12x). */
export function stirlingError(x: number): number {
  const perSquare = 1 / (x * x);
  let sum = 0;
  for (let index = stirlingTerms.length - 1; index >= 0; index -= 1) {
    sum = sum * perSquare + (stirlingTerms[index] as number);
  }
  return sum / x;
}

/** stirlingError(x + rise) − stirlingError(x), term by term, so that a small rise keeps its digits. */
function stirlingErrorDifference(x: number, rise: number): number {
  const before = 1 / x;
  const after = 1 / (x + rise);
  const afterSquare = after * after;
  let powerBefore = before;
  let difference = -rise * before * after;
  const squareDifference = difference * (before + after);
  let sum = 0;
  for (const term of stirlingTerms) {
    sum += term * difference;
    difference = afterSquare * difference + powerBefore * squareDifference;
    powerBefore *= before * before;
  }
  return sum;
}

/** ln Γ(2 + y) for |y| ≤ ½. */
function logGammaOfTwoPlus(y: number): number {
  let sum = 0;
  for (let index = zetaTerms.length - 1; index >= 0; index -= 1) {
    sum = sum * y + (zetaTerms[index] as number);
  }
  return y * (oneMinusEuler + y * sum);
}
