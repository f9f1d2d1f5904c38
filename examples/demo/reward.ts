import type { Policy } from "../../src/client/index.ts";
import type { SimulatedOutcome, SimulatedTask } from "./world.ts";

/** Weighted rewards and their weights, added up. */
export interface RewardSums {
  readonly reward: number;
  readonly weight: number;
}

export const noReward: RewardSums = { reward: 0, weight: 0 };

export function addRewards(a: RewardSums, b: RewardSums): RewardSums {
  return { reward: a.reward + b.reward, weight: a.weight + b.weight };
}

/** Reward per unit of weight, in [0,1]; 0 when there is none. */
export function meanReward({ reward, weight }: RewardSums): number {
  return weight > 0 ? reward / weight : 0;
}

/**
 * What a task is worth by a policy, worked out here from what the agents saw, not asked of the service: the demo compares
 * the two.
 */
export function rewardOf(task: SimulatedTask, policy: Policy): RewardSums {
  const metrics: Readonly<Record<string, number>> = Object.assign(
    {},
    ...task.outcomes.map(metricsOf),
  );
  const spec = policy.reward;
  let earned = 0;
  let weight = 0;
  for (const component of spec?.components ?? []) {
    const value = metrics[component.metric];
    if (value === undefined) continue;
    const isRating = component.metric.startsWith("rating_");
    const min = component.min ?? (isRating ? 1 : 0);
    const max = component.max ?? (isRating ? 5 : 1);
    const scaled = Math.min(Math.max((value - min) / (max - min), 0), 1);
    earned += component.weight * (component.lowerIsBetter ? 1 - scaled : scaled);
    weight += component.weight;
  }
  const penalty =
    (spec?.costPenaltyPerUsd ?? 0) * task.costUsd +
    (spec?.latencyPenaltyPerSecond ?? 0) * (task.durationMs / 1000);
  return { reward: Math.min(Math.max(earned - penalty, 0), weight), weight };
}

function metricsOf(outcome: SimulatedOutcome): Record<string, number> {
  switch (outcome.source) {
    case "testRun":
      return {
        test_pass_rate: outcome.passed / (outcome.passed + outcome.failed),
        coverage: outcome.coverage,
        mutation_score: outcome.mutationScore,
      };
    case "ci":
      return { ci_passed: outcome.passed ? 1 : 0 };
    case "action":
      return {
        user_action: { accepted: 1, edited: 1 - outcome.editDistance, deleted: 0 }[outcome.kind],
      };
    case "rating":
      return {
        rating_quality: outcome.quality,
        rating_relevance: outcome.relevance,
        rating_overall: outcome.overall,
      };
  }
}
