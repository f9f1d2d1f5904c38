import { shareOfLargest } from "./largest.ts";

/** What an index policy knows of an arm: the rewards themselves, no prior. */
export interface ObservedArm {
  /** Mean reward, [0,1]; of no account while the weight is 0. */
  readonly mean: number;
  /** Weight of the generations seen, ≥ 0: n in the formulas. */
  readonly weight: number;
}

/**
 * Everything to the arm with the largest index
 *
 *     mean + √(c · ln t / n),   t = Σ n over all arms
 *
 * (Auer, Cesa-Bianchi & Fischer 2002, figure 1, with c = 2); arms that were never seen come first. With
 * forgetting, n and t are discounted sums (Garivier & Moulines 2011, D-UCB). ln t counts as 0 below t = 1.
 */
export function ucb1Shares(arms: readonly ObservedArm[], exploration: number): Float64Array {
  const total = arms.reduce((sum, { weight }) => sum + weight, 0);
  const bonus = exploration * Math.max(Math.log(total), 0);
  return shareOfLargest(
    arms.map(({ mean, weight }) =>
      weight > 0 ? mean + Math.sqrt(bonus / weight) : Number.POSITIVE_INFINITY,
    ),
  );
}
