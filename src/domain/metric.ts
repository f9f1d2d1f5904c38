import type { RewardComponent } from "./policy.ts";

/**
 * Metrics the service derives from outcomes by itself, each with the range that its values have.
 * Everything an agent reports under another name in a custom outcome is a custom metric.
 */
export const builtInMetrics = {
  /** passed / (passed + failed) of a test run. */
  test_pass_rate: { min: 0, max: 1, lowerIsBetter: false },
  /** Line coverage of a test run, [0,1]. */
  coverage: { min: 0, max: 1, lowerIsBetter: false },
  /** Share of mutants killed, [0,1]. */
  mutation_score: { min: 0, max: 1, lowerIsBetter: false },
  rating_coverage: { min: 1, max: 5, lowerIsBetter: false },
  rating_quality: { min: 1, max: 5, lowerIsBetter: false },
  rating_relevance: { min: 1, max: 5, lowerIsBetter: false },
  rating_overall: { min: 1, max: 5, lowerIsBetter: false },
  /** 1 accepted, 0 deleted, 1 − edit distance when edited. */
  user_action: { min: 0, max: 1, lowerIsBetter: false },
  /** 1 passed, 0 failed. */
  ci_passed: { min: 0, max: 1, lowerIsBetter: false },
} as const;

export type BuiltInMetric = keyof typeof builtInMetrics;

export function isBuiltInMetric(name: string): name is BuiltInMetric {
  return Object.hasOwn(builtInMetrics, name);
}

/** The default component for a built-in metric: its own range, higher is better. */
export function builtInComponent(metric: BuiltInMetric, weight: number): RewardComponent {
  return { metric, weight, ...builtInMetrics[metric], unbounded: false };
}
