import type { Policy } from "../../client/index.ts";
import { type GenerationTotals, generationTotals } from "../../domain/contribution.ts";
import { builtInMetrics, isBuiltInMetric } from "../../domain/metric.ts";
import type { SimulatedOutcome, SimulatedTask } from "./world.ts";

/**
 * What a task is worth by a policy, worked out here from what the agents saw, not asked of the
 * service: the demo compares the two.
 */
export function simulatedReward(task: SimulatedTask, policy: Policy): GenerationTotals {
  const metrics: Record<string, number> = Object.assign({}, ...task.outcomes.map(metricsOf));
  const spec = policy.reward;
  const parts = (spec?.components ?? []).flatMap((component) => {
    const value = metrics[component.metric];
    if (value === undefined) return [];
    const range = isBuiltInMetric(component.metric)
      ? builtInMetrics[component.metric]
      : { min: 0, max: 1 };
    const min = component.min ?? range.min;
    const max = component.max ?? range.max;
    const scaled = Math.min(Math.max((value - min) / (max - min), 0), 1);
    return [
      {
        component: component.metric,
        weight: component.weight,
        value: component.lowerIsBetter ? 1 - scaled : scaled,
        penalty: 0,
      },
    ];
  });
  const penalty =
    (spec?.costPenaltyPerUsd ?? 0) * task.costUsd +
    (spec?.latencyPenaltyPerSecond ?? 0) * (task.durationMs / 1000);
  return generationTotals([...parts, { component: "cost_penalty", weight: 0, value: 0, penalty }]);
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
