import type { RewardTotals } from "../../domain/contribution.ts";

export function addTotals(a: RewardTotals, b: RewardTotals): RewardTotals {
  return {
    reward: a.reward + b.reward,
    weight: a.weight + b.weight,
    generations: a.generations + b.generations,
  };
}

/** Reward per unit of weight, in [0,1]; 0 when there is none. */
export function meanReward(totals: RewardTotals): number {
  return totals.weight > 0 ? totals.reward / totals.weight : 0;
}
