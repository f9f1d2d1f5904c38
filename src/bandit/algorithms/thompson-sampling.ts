import type { BetaBeliefs } from "./beta-beliefs.ts";

/**
 * An arm is served with the probability that it is the best one (Thompson 1933). Drawing from these shares is
 * the same as drawing one value from each arm's Beta posterior and serving the arm with the largest, but the
 * probability is known: within 1e-6, see `BestProbability`.
 */
export function thompsonShares(beliefs: BetaBeliefs): Float64Array {
  return beliefs.bestProbabilities();
}
