import { describe, expect, it } from "vitest";
import { defaultPolicy } from "../../../src/bandit/default-policy.ts";
import { validatePolicy } from "../../../src/bandit/validate-policy.ts";
import { builtInMetrics } from "../../../src/domain/metric.ts";
import type { Policy, RewardComponent } from "../../../src/domain/policy.ts";

const component: RewardComponent = {
  metric: "score",
  weight: 0.6,
  min: 0,
  max: 1,
  lowerIsBetter: false,
};

function withComponents(...components: RewardComponent[]): Policy {
  return { ...defaultPolicy, reward: { ...defaultPolicy.reward, components } };
}

function withEpsilon(epsilon: number, decayHalfLifeGenerations: number): Policy {
  return {
    ...defaultPolicy,
    algorithm: { kind: "epsilon_greedy", epsilon, decayHalfLifeGenerations },
  };
}

describe("validatePolicy", () => {
  it("accepts the default policy, which learns from every built-in metric", () => {
    expect(validatePolicy(defaultPolicy)).toEqual([]);
    const metrics = defaultPolicy.reward.components.map(({ metric }) => metric);
    expect(new Set(metrics)).toEqual(new Set(Object.keys(builtInMetrics)));
  });

  it("accepts ten weights of 0.1, which do not add up to 1 exactly", () => {
    const tenths = Array.from({ length: 10 }, (_, index) => ({
      ...component,
      metric: `score_${index}`,
      weight: 0.1,
    }));
    expect(validatePolicy(withComponents(...tenths))).toEqual([]);
  });

  const broken: [string, Policy][] = [
    ["policy.reward.components", withComponents()],
    ["policy.reward.components", withComponents(component, { ...component, metric: "other" })],
    ["policy.reward.components[0].weight", withComponents({ ...component, weight: 0 })],
    ["policy.reward.components[0].weight", withComponents({ ...component, weight: Number.NaN })],
    ["policy.reward.components[0].max", withComponents({ ...component, max: 0 })],
    ["policy.reward.components[0].max", withComponents({ ...component, min: Number.NaN })],
    ["policy.reward.components[0].metric", withComponents({ ...component, metric: "Bad name" })],
    [
      "policy.reward.components[0].metric",
      withComponents({ ...component, metric: "latency_penalty" }),
    ],
    [
      "policy.reward.components[1].metric",
      withComponents({ ...component, weight: 0.1 }, { ...component, weight: 0.1 }),
    ],
    [
      "policy.reward.cost_penalty_per_usd",
      { ...defaultPolicy, reward: { ...defaultPolicy.reward, costPenaltyPerUsd: -1 } },
    ],
    [
      "policy.reward.latency_penalty_per_second",
      {
        ...defaultPolicy,
        reward: { ...defaultPolicy.reward, latencyPenaltyPerSecond: Number.POSITIVE_INFINITY },
      },
    ],
    ["policy.algorithm.epsilon_greedy.epsilon", withEpsilon(1.1, 0)],
    ["policy.algorithm.epsilon_greedy.decay_half_life_generations", withEpsilon(0.1, -1)],
    ["policy.minimum_share", { ...defaultPolicy, minimumShare: Number.NaN }],
    ["policy.holdout_share", { ...defaultPolicy, holdoutShare: 0.6 }],
    ["policy.prior_alpha", { ...defaultPolicy, priorAlpha: 0.49 }],
    ["policy.prior_beta", { ...defaultPolicy, priorBeta: 0 }],
    ["policy.refresh_interval", { ...defaultPolicy, refreshIntervalMs: -1 }],
    ["policy.attribution_window", { ...defaultPolicy, attributionWindowSeconds: 0 }],
  ];
  it.each(broken)("names %s, and nothing else, when it alone is wrong", (field, policy) => {
    expect(validatePolicy(policy).map((violation) => violation.field)).toEqual([field]);
  });
});
