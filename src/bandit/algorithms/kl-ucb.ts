import { shareOfLargest } from "./largest.ts";
import { type ObservedArm, seenWeightMin } from "./ucb1.ts";

/**
 * Everything to the arm with the largest index
 *
 *     max { q : n · kl(mean, q) ≤ ln t + c · ln ln t },   t = Σ n over all arms
 *
 * with kl the Kullback–Leibler divergence of two Bernoulli distributions (Garivier & Cappé 2011, algorithm 1;
 * c = 0 is what the authors recommend in practice). Valid for any reward in [0,1], not only for 0 and 1.
 * Arms that were never seen, or of which less than {@link seenWeightMin} still counts, come first. The right side
 * counts as 0 below t = 1, ln ln t as 0 below t = e.
 */
export function klUcbShares(arms: readonly ObservedArm[], exploration: number): Float64Array {
  const total = arms.reduce((sum, { weight }) => sum + weight, 0);
  const logTotal = Math.max(Math.log(total), 0);
  const budget = logTotal + exploration * Math.max(Math.log(logTotal), 0);
  return shareOfLargest(
    arms.map(({ mean, weight }) =>
      weight < seenWeightMin ? Number.POSITIVE_INFINITY : klUpperBound(mean, budget / weight),
    ),
  );
}

/** The largest q in [mean, 1] with kl(mean, q) ≤ `divergence`; `mean` in [0,1], `divergence` ≥ 0. */
export function klUpperBound(mean: number, divergence: number): number {
  if (mean >= 1) return 1;
  // Pinsker's inequality, kl ≥ 2(q − mean)², bounds the answer from above.
  let low = mean;
  let high = Math.min(mean + Math.sqrt(divergence / 2), 1);
  while (high - low > 1e-15) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (bernoulliDivergence(mean, middle) <= divergence) low = middle;
    else high = middle;
  }
  return low;
}

/** kl(p, q) = p·ln(p/q) + (1 − p)·ln((1 − p)/(1 − q)), with 0·ln 0 = 0; p < q < 1. */
function bernoulliDivergence(p: number, q: number): number {
  const gain = p > 0 ? p * Math.log(p / q) : 0;
  return gain + (1 - p) * Math.log((1 - p) / (1 - q));
}
