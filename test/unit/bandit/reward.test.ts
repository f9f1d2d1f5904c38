import { describe, expect, it } from "vitest";
import { generationContributions, outcomeContributions } from "../../../src/bandit/reward.ts";
import type { RewardSpec } from "../../../src/domain/policy.ts";
import { rewardComponent } from "../../support/catalogue-samples.ts";

const spec: RewardSpec = {
  components: [
    rewardComponent("rating_overall", 0.5, { min: 1, max: 5 }),
    rewardComponent("defects", 0.3, { max: 10, lowerIsBetter: true }),
    rewardComponent("duration_ms", 0.2, { min: 1000, max: 5000, lowerIsBetter: true }),
  ],
  costPenaltyPerUsd: 2,
  latencyPenaltyPerSecond: 0.01,
};

describe("outcomeContributions", () => {
  it("maps a value onto [0,1] by the component's range", () => {
    expect(outcomeContributions(spec, { rating_overall: 4 })).toEqual([
      { component: "rating_overall", value: 0.75, weight: 0.5, penalty: 0 },
    ]);
  });

  it("turns the range round where lower is better", () => {
    expect(outcomeContributions(spec, { defects: 2 })).toEqual([
      { component: "defects", value: 0.8, weight: 0.3, penalty: 0 },
    ]);
  });

  it.each([
    [-3, 1],
    [0, 1],
    [10, 0],
    [99, 0],
  ])("clamps %d defects to %d", (defects, value) => {
    expect(outcomeContributions(spec, { defects })[0]?.value).toBe(value);
  });

  it("contributes only what is present, finite and asked for", () => {
    const metrics = { unknown: 1, defects: Number.NaN, rating_overall: Number.POSITIVE_INFINITY };
    expect(outcomeContributions(spec, metrics)).toEqual([]);
    const inherited = Object.create({ defects: 1 }) as Record<string, number>;
    expect(outcomeContributions(spec, inherited)).toEqual([]);
  });
});

describe("generationContributions", () => {
  it("charges cost and latency at their rates, and feeds components on the amounts", () => {
    expect(generationContributions(spec, { costUsd: 0.05, durationMs: 2000 })).toEqual([
      { component: "duration_ms", value: 0.75, weight: 0.2, penalty: 0 },
      { component: "cost_penalty", value: 0, weight: 0, penalty: 0.1 },
      { component: "latency_penalty", value: 0, weight: 0, penalty: 0.02 },
    ]);
  });

  it("contributes nothing for what was not reported or has no rate", () => {
    expect(generationContributions(spec, {})).toEqual([]);
    const free = { ...spec, components: [], costPenaltyPerUsd: 0, latencyPenaltyPerSecond: 0 };
    expect(generationContributions(free, { costUsd: 3, durationMs: 3 })).toEqual([]);
  });
});
