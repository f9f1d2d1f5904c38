import type { Contribution } from "../domain/contribution.ts";
import type { RewardComponent, RewardSpec } from "../domain/policy.ts";

/**
 * Metrics that the generation report supplies. A reward component may name them (say, "a task over ten
 * cents counts as 0"), which is a bounded alternative to the penalties.
 */
const costMetric = "cost_usd";
const durationMetric = "duration_ms";

/** Names under which the penalties stand in a generation's ledger. A reward component must not have them. */
export const costPenaltyComponent = "cost_penalty";
export const latencyPenaltyComponent = "latency_penalty";

/** Keeps an absurd amount finite. A penalty of 1 already takes the whole reward. */
const penaltyMax = 1e9;

/** Keeps the sums of unbounded values, and of their squares, far from the largest double. */
const unboundedMax = 1e6;

/**
 * What an outcome contributes: one entry for each component of the specification whose metric is in
 * `metrics`, in the specification's order; empty when none is. A metric that is not finite is left out.
 * @param metrics raw values by metric name, in the metric's own units.
 */
export function outcomeContributions(
  spec: RewardSpec,
  metrics: Readonly<Record<string, number>>,
): Contribution[] {
  const contributions: Contribution[] = [];
  for (const component of spec.components) {
    if (!Object.hasOwn(metrics, component.metric)) continue;
    const value = metrics[component.metric] as number;
    if (!Number.isFinite(value)) continue;
    contributions.push({
      component: component.metric,
      value: mappedValue(component, value),
      weight: component.weight,
      penalty: 0,
    });
  }
  return contributions;
}

/**
 * What a generation report contributes: components on {@link costMetric} and {@link durationMetric}, and
 * the penalties whose rate is above 0. An amount that was not reported costs nothing.
 * @param run.costUsd US dollars, ≥ 0. @param run.durationMs milliseconds, ≥ 0.
 */
export function generationContributions(
  spec: RewardSpec,
  run: { readonly costUsd?: number; readonly durationMs?: number },
): Contribution[] {
  const metrics: Record<string, number> = {};
  if (run.costUsd !== undefined) metrics[costMetric] = run.costUsd;
  if (run.durationMs !== undefined) metrics[durationMetric] = run.durationMs;
  const contributions = outcomeContributions(spec, metrics);
  const penalise = (component: string, penalty: number): void => {
    if (penalty > 0) {
      contributions.push({
        component,
        value: 0,
        weight: 0,
        penalty: Math.min(penalty, penaltyMax),
      });
    }
  };
  penalise(costPenaltyComponent, spec.costPenaltyPerUsd * (run.costUsd ?? 0));
  penalise(latencyPenaltyComponent, (spec.latencyPenaltyPerSecond * (run.durationMs ?? 0)) / 1000);
  return contributions;
}

/** On [0,1]; an unbounded component's within ±{@link unboundedMax}. */
function mappedValue(component: RewardComponent, value: number): number {
  const position = (value - component.min) / (component.max - component.min);
  const mapped = component.unbounded
    ? Math.min(Math.max(position, -unboundedMax), unboundedMax)
    : Math.min(Math.max(position, 0), 1);
  return component.lowerIsBetter ? 1 - mapped : mapped;
}
