import { shareOfLargest } from "./largest.ts";

/** ε(n) = ε·h / (h + n); constant when the half-life h is 0. `generations` is n, over all arms. */
export function decayedEpsilon(
  schedule: { readonly epsilon: number; readonly decayHalfLifeGenerations: number },
  generations: number,
): number {
  const { epsilon, decayHalfLifeGenerations: halfLife } = schedule;
  return halfLife > 0 ? (epsilon * halfLife) / (halfLife + generations) : epsilon;
}

/**
 * ε spread evenly over all arms; 1 − ε shared equally by the arms whose posterior mean is the highest (Sutton
 * & Barto 2018, §2.2; a decaying ε: Auer, Cesa-Bianchi & Fischer 2002, figure 3).
 */
export function epsilonGreedyShares(means: ArrayLike<number>, epsilon: number): Float64Array {
  return shareOfLargest(means).map((greedy) => epsilon / means.length + (1 - epsilon) * greedy);
}
