import { shareOfLargest } from "./largest.ts";

/**
 * Below this weight an arm counts as never seen. With forgetting the weights of arms that nobody serves go to 0,
 * and with all of them t: then ln t, which counts as 0 below t = 1, would leave nothing but the means of what is
 * as good as forgotten, and no exploration. With two arms seen, t is at least 1.
 */
export const seenWeightMin = 0.5;

/** What an index policy knows of an arm: the rewards themselves, no prior. */
export interface ObservedArm {
  /** Mean reward, [0,1]; of no account while the weight is below {@link seenWeightMin}. */
  readonly mean: number;
  /** Weight of the generations seen, ≥ 0: n in the formulas. */
  readonly weight: number;
}

/**
 * Everything to the arm with the largest index
 *
 *     mean + √(c · ln t / n),   t = Σ n over all arms
 *
 * (Auer, Cesa-Bianchi & Fischer 2002, figure 1, with c = 2); arms that were never seen, or of which less
 * than {@link seenWeightMin} still counts, come first. With forgetting, n and t are discounted sums (Garivier &
 * Moulines 2011, D-UCB). ln t counts as 0 below t = 1.
 */
export function ucb1Shares(arms: readonly ObservedArm[], exploration: number): Float64Array {
  const total = arms.reduce((sum, { weight }) => sum + weight, 0);
  const bonus = exploration * Math.max(Math.log(total), 0);
  return shareOfLargest(
    arms.map(({ mean, weight }) =>
      weight < seenWeightMin ? Number.POSITIVE_INFINITY : mean + Math.sqrt(bonus / weight),
    ),
  );
}
