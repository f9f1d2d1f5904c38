import type { GenerationTotals } from "../../domain/contribution.ts";

export function addTotals(a: GenerationTotals, b: GenerationTotals): GenerationTotals {
  return {
    reward: a.reward + b.reward,
    weight: a.weight + b.weight,
    squares: a.squares + b.squares,
    generations: a.generations + b.generations,
  };
}

/** Reward per unit of weight, in [0,1]; 0 when there is none. */
export function meanReward(totals: GenerationTotals): number {
  return totals.weight > 0 ? totals.reward / totals.weight : 0;
}
