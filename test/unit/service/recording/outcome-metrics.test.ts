import { describe, expect, it } from "vitest";
import type { OutcomeContent } from "../../../../src/domain/outcome.ts";
import { outcomeMetrics } from "../../../../src/service/recording/outcome-metrics.ts";
import { banditErrorOf } from "../../../support/bandit-error-of.ts";

const fieldOf = (content: OutcomeContent) =>
  banditErrorOf(() => outcomeMetrics(content))?.violations[0]?.field;

describe("outcome metrics", () => {
  it("derives the pass rate of a test run and keeps what else was measured", () => {
    const measured = { passed: 9, failed: 3, coverage: 0.8, mutationScore: 0.5 };
    expect(outcomeMetrics({ source: "test_run", ...measured })).toEqual({
      tests_passed: 9,
      tests_failed: 3,
      test_pass_rate: 0.75,
      coverage: 0.8,
      mutation_score: 0.5,
    });
  });

  it("has no pass rate where no test ran", () => {
    expect(outcomeMetrics({ source: "test_run", passed: 0, failed: 0, coverage: 0.1 })).toEqual({
      tests_passed: 0,
      tests_failed: 0,
      coverage: 0.1,
    });
    expect(fieldOf({ source: "test_run", passed: 0, failed: 0 })).toBe("test_run");
  });

  it("keeps each of the four ratings that were given", () => {
    expect(
      outcomeMetrics({ source: "user_rating", overall: 5, quality: 2, comment: "", userId: "" }),
    ).toEqual({ rating_overall: 5, rating_quality: 2 });
    expect(fieldOf({ source: "user_rating", comment: "", userId: "u" })).toBe("rating");
  });

  it("values acceptance 1, deletion 0 and an edit by what was kept", () => {
    const action = (name: "accepted" | "edited" | "deleted", editDistance: number) =>
      outcomeMetrics({ source: "user_action", action: name, editDistance, userId: "" });
    expect(action("accepted", 0)["user_action"]).toBe(1);
    expect(action("deleted", 0)["user_action"]).toBe(0);
    expect(action("edited", 0.25)["user_action"]).toBe(0.75);
  });

  it("values a CI run by whether it passed", () => {
    expect(outcomeMetrics({ source: "ci", passed: true, pipeline: "", url: "" })).toEqual({
      ci_passed: 1,
    });
  });

  it("refuses custom metrics that are empty, reserved, misnamed or no number, naming the field", () => {
    const custom = (metrics: Record<string, number>) => fieldOf({ source: "custom", metrics });
    expect(custom({ readability: 0.3 })).toBeUndefined();
    expect(custom({})).toBe("custom.metrics");
    expect(custom({ coverage: 0.3 })).toBe('custom.metrics["coverage"]');
    expect(custom({ cost_usd: 0.3 })).toBe('custom.metrics["cost_usd"]');
    expect(custom({ "Not A Name": 1 })).toBe('custom.metrics["Not A Name"]');
    expect(custom({ speed: Number.NaN })).toBe('custom.metrics["speed"]');
    expect(custom({ speed: Number.POSITIVE_INFINITY })).toBe('custom.metrics["speed"]');
  });
});
