/**
 * ln(1 + u) − u for u > −1, to full relative precision also for small u, where it is −u²/2 + u³/3 − …
 * Near 0 by 2·atanh(v) with v = u/(2 + u) (Loader 2000, "Fast and accurate computation of binomial
 * probabilities", the function bd0). −1 → −Infinity.
 */
export function log1pMinus(u: number): number {
  if (u < -0.5 || u > 0.6) return Math.log1p(u) - u;
  const v = u / (2 + u);
  const square = v * v;
  let power = square;
  let sum = 1 / 3;
  for (let odd = 5; odd <= 37; odd += 2) {
    const term = power / odd;
    sum += term;
    if (term < 1e-17) break;
    power *= square;
  }
  return v * (2 * square * sum - u);
}
