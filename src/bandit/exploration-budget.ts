import type { RewardTotals } from "../domain/contribution.ts";

/** Outcomes up to which the whole budget is spent. */
const outcomesAtFullShare = 50;

/**
 * What all arms together are served for the sake of exploring: `explorationShare` up to fifty outcomes, then falling as
 * 1/√n, so that exploring for ever costs √n and propensities stay far above 1/n. Forgetting lowers n and raises it again.
 * @param explorationShare of the policy, [0, 0.5]
 * @param arms totals aged to the present
 */
export function explorationBudget(explorationShare: number, arms: readonly RewardTotals[]): number {
  const outcomes = arms.reduce((sum, { weight }) => sum + Math.max(weight, 0), 0);
  return explorationShare * Math.min(1, Math.sqrt(outcomesAtFullShare / outcomes));
}

/**
 * Spreads the budget e evenly over the arms: p = e/K + (1 − e)·w, K the number of arms. Additive, not max(e/K, w): the
 * shares still add up to 1, and the order and ties of the arms stay as they are. In place; returns its argument.
 */
export function spreadBudget(shares: Float64Array, budget: number): Float64Array {
  const each = budget / shares.length;
  for (let arm = 0; arm < shares.length; arm += 1) {
    shares[arm] = each + (1 - budget) * (shares[arm] as number);
  }
  return shares;
}
