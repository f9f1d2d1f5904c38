import { describe, expect, it } from "vitest";
import { defaultPolicy } from "../../../src/bandit/default-policy.ts";
import { validatePolicy } from "../../../src/bandit/validate-policy.ts";
import { builtInMetrics } from "../../../src/domain/metric.ts";
import type { Algorithm, Policy, RewardComponent, RewardSpec } from "../../../src/domain/policy.ts";

const component: RewardComponent = {
  metric: "score",
  weight: 0.6,
  min: 0,
  max: 1,
  lowerIsBetter: false,
  unbounded: false,
};

function withReward(changes: Partial<RewardSpec>): Policy {
  return { ...defaultPolicy, reward: { ...defaultPolicy.reward, ...changes } };
}

const withComponents = (...components: RewardComponent[]) => withReward({ components });
const withComponent = (changes: Partial<RewardComponent>) =>
  withComponents({ ...component, ...changes });

function withEpsilon(epsilon: number, decayHalfLifeGenerations: number): Policy {
  return {
    ...defaultPolicy,
    algorithm: { kind: "epsilon_greedy", epsilon, decayHalfLifeGenerations },
  };
}

const gaussian = {
  kind: "gaussian_thompson",
  priorMean: 0.5,
  priorStrength: 1,
  priorShape: 1,
  priorScale: 0.25,
} as const;

const linear = {
  kind: "linear_thompson",
  features: [{ name: "lines", mean: 0, scale: 1 }],
  priorVariance: 1,
  noiseStandardDeviation: 0.5,
} as const;

const brokenAlgorithms: [string, Algorithm][] = [
  ["prior_mean", { ...gaussian, priorMean: Number.NaN }],
  ["prior_strength", { ...gaussian, priorStrength: 0 }],
  ["prior_shape", { ...gaussian, priorShape: 0.4 }],
  ["prior_scale", { ...gaussian, priorScale: 0 }],
  ["exploration", { kind: "ucb1", exploration: -1 }],
  ["exploration", { kind: "kl_ucb", exploration: Number.POSITIVE_INFINITY }],
  ["temperature", { kind: "softmax", temperature: 0 }],
  ["leader_share", { kind: "top_two_thompson", leaderShare: 0 }],
  ["features", { ...linear, features: [] }],
  ["features[0].name", { ...linear, features: [{ name: "", mean: 0, scale: 1 }] }],
  ["features[1].name", { ...linear, features: [...linear.features, ...linear.features] }],
  ["features[0].mean", { ...linear, features: [{ name: "a", mean: Number.NaN, scale: 1 }] }],
  ["features[0].scale", { ...linear, features: [{ name: "a", mean: 0, scale: 0 }] }],
  ["prior_variance", { ...linear, priorVariance: -1 }],
  ["noise_standard_deviation", { ...linear, noiseStandardDeviation: 0 }],
];

describe("validatePolicy", () => {
  it("accepts the default policy, which learns from every built-in metric", () => {
    expect(validatePolicy(defaultPolicy)).toEqual([]);
    const metrics = defaultPolicy.reward.components.map(({ metric }) => metric);
    expect(new Set(metrics)).toEqual(new Set(Object.keys(builtInMetrics)));
  });

  it.each([gaussian, linear])("accepts unbounded rewards with $kind", (algorithm) => {
    const unbounded = withComponent({ unbounded: true });
    expect(validatePolicy({ ...unbounded, algorithm })).toEqual([]);
  });

  it("accepts ten weights of 0.1, which do not add up to 1 exactly", () => {
    const tenths = Array.from({ length: 10 }, (_, index) => ({
      ...component,
      metric: `score_${index}`,
      weight: 0.1,
    }));
    expect(validatePolicy(withComponents(...tenths))).toEqual([]);
  });

  const broken: [string, Partial<Policy>][] = [
    ["policy.reward.components", withComponents()],
    ["policy.reward.components", withComponents(component, { ...component, metric: "other" })],
    ["policy.reward.components[0].weight", withComponent({ weight: 0 })],
    ["policy.reward.components[0].weight", withComponent({ weight: Number.NaN })],
    ["policy.reward.components[0].max", withComponent({ max: 0 })],
    ["policy.reward.components[0].max", withComponent({ min: Number.NaN })],
    ["policy.reward.components[0].metric", withComponent({ metric: "Bad name" })],
    ["policy.reward.components[0].metric", withComponent({ metric: "latency_penalty" })],
    [
      "policy.reward.components[1].metric",
      withComponents({ ...component, weight: 0.1 }, { ...component, weight: 0.1 }),
    ],
    ["policy.reward.cost_penalty_per_usd", withReward({ costPenaltyPerUsd: -1 })],
    [
      "policy.reward.latency_penalty_per_second",
      withReward({ latencyPenaltyPerSecond: Number.POSITIVE_INFINITY }),
    ],
    ["policy.algorithm.epsilon_greedy.epsilon", withEpsilon(1.1, 0)],
    ["policy.algorithm.epsilon_greedy.decay_half_life_generations", withEpsilon(0.1, -1)],
    ...brokenAlgorithms.map(([field, algorithm]): [string, Partial<Policy>] => [
      `policy.algorithm.${algorithm.kind}.${field}`,
      { algorithm },
    ]),
    ["policy.reward.components[0].unbounded", withComponent({ unbounded: true })],
    ["policy.reward.components[0].metric", withComponent({ metric: "default_reward" })],
    ["policy.forgetting_half_life", { forgettingHalfLifeSeconds: 0.5 }],
    ["policy.forgetting_half_life", { forgettingHalfLifeSeconds: Number.NaN }],
    ["policy.default_reward", { defaultReward: 1.5 }],
    ["policy.shared_prior_strength_max", { sharedPriorStrengthMax: 1001 }],
    [
      "policy.shared_prior_strength_max",
      {
        ...withComponent({ unbounded: true }),
        algorithm: gaussian,
        sharedPriorStrengthMax: 20,
      },
    ],
    ["policy.change_detection.tolerance", { changeDetection: { tolerance: -0.1, threshold: 1 } }],
    [
      "policy.change_detection.threshold",
      { changeDetection: { tolerance: 0.1, threshold: Number.NaN } },
    ],
    ["policy.minimum_share", { minimumShare: Number.NaN }],
    ["policy.holdout_share", { holdoutShare: 0.6 }],
    ["policy.prior_alpha", { priorAlpha: 0.49 }],
    ["policy.prior_beta", { priorBeta: 0 }],
    ["policy.refresh_interval", { refreshIntervalMs: -1 }],
    ["policy.attribution_window", { attributionWindowSeconds: 0 }],
  ];
  it.each(broken)("names %s, and nothing else, when it alone is wrong", (field, changes) => {
    const violations = validatePolicy({ ...defaultPolicy, ...changes });
    expect(violations.map((violation) => violation.field)).toEqual([field]);
  });
});
