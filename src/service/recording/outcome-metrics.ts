import { invalidField } from "../../domain/errors.ts";
import { isBuiltInMetric } from "../../domain/metric.ts";
import type { OutcomeContent } from "../../domain/outcome.ts";

/** Metric names that the generation report supplies; a custom outcome cannot set them. */
const generationMetrics: ReadonlySet<string> = new Set([
  "cost_usd",
  "duration_ms",
  "cost_penalty",
  "latency_penalty",
]);
const metricNamePattern = /^[a-z][a-z0-9_]{0,63}$/;

/**
 * Raw metric values of an outcome, by metric name: what is logged, and what the reward is made of.
 * @throws BanditError invalid_argument for what the contract's rules cannot say: a test run without a
 * test, a rating without a value, a custom metric with a reserved name or a value that is not finite.
 */
export function outcomeMetrics(content: OutcomeContent): Record<string, number> {
  switch (content.source) {
    case "test_run":
      return testRunMetrics(content);
    case "user_rating":
      return ratingMetrics(content);
    case "user_action":
      return {
        user_action: actionValue(content.action, content.editDistance),
        edit_distance: content.editDistance,
      };
    case "ci":
      return { ci_passed: content.passed ? 1 : 0 };
    case "custom":
      return customMetrics(content.metrics);
  }
}

function testRunMetrics(run: Extract<OutcomeContent, { source: "test_run" }>) {
  const total = run.passed + run.failed;
  const metrics: Record<string, number> = { tests_passed: run.passed, tests_failed: run.failed };
  if (total > 0) metrics["test_pass_rate"] = run.passed / total;
  if (run.coverage !== undefined) metrics["coverage"] = run.coverage;
  if (run.mutationScore !== undefined) metrics["mutation_score"] = run.mutationScore;
  if (total === 0 && run.coverage === undefined && run.mutationScore === undefined) {
    throw invalidField(
      "test_run",
      "has neither a test (passed + failed is 0) nor coverage nor mutation_score",
    );
  }
  return metrics;
}

function ratingMetrics(rating: Extract<OutcomeContent, { source: "user_rating" }>) {
  const metrics: Record<string, number> = {};
  for (const aspect of ["coverage", "quality", "relevance", "overall"] as const) {
    const value = rating[aspect];
    if (value !== undefined) metrics[`rating_${aspect}`] = value;
  }
  if (Object.keys(metrics).length === 0 && rating.comment === "") {
    throw invalidField("rating", "needs at least one of coverage, quality, relevance, overall");
  }
  return metrics;
}

function actionValue(action: "accepted" | "edited" | "deleted", editDistance: number): number {
  if (action === "accepted") return 1;
  return action === "deleted" ? 0 : 1 - editDistance;
}

function customMetrics(metrics: Readonly<Record<string, number>>): Record<string, number> {
  const names = Object.keys(metrics);
  if (names.length === 0) throw invalidField("custom.metrics", "needs at least one metric");
  for (const name of names) {
    const field = `custom.metrics["${name}"]`;
    if (!metricNamePattern.test(name)) {
      throw invalidField(field, "a name is 1 to 64 characters of a-z, 0-9 and _, first a letter");
    }
    if (isBuiltInMetric(name) || generationMetrics.has(name)) {
      throw invalidField(field, "is a built-in metric; report it by its own kind of outcome");
    }
    if (!Number.isFinite(metrics[name])) throw invalidField(field, "must be a finite number");
  }
  return { ...metrics };
}
