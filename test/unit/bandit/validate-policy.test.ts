import { describe, expect, it } from "vitest";
import { defaultPolicy } from "../../../src/bandit/default-policy.ts";
import { validatePolicy } from "../../../src/bandit/validate-policy.ts";
import { builtInMetrics } from "../../../src/domain/metric.ts";
import type { Algorithm, Policy, RewardComponent, RewardSpec } from "../../../src/domain/policy.ts";
import { algorithmsWithDefaults, linearAlgorithm } from "../../support/algorithms-with-defaults.ts";
import { rewardComponent } from "../../support/catalogue-samples.ts";

const component = rewardComponent("score", 0.6);

function withReward(changes: Partial<RewardSpec>): Policy {
  return { ...defaultPolicy, reward: { ...defaultPolicy.reward, ...changes } };
}

const withComponents = (...components: RewardComponent[]) => withReward({ components });
const withComponent = (changes: Partial<RewardComponent>) =>
  withComponents({ ...component, ...changes });

const epsilonGreedy = (epsilon: number, decayHalfLifeGenerations: number) =>
  ({ kind: "epsilon_greedy", epsilon, decayHalfLifeGenerations }) as const;

const gaussian = algorithmsWithDefaults.gaussian_thompson;
const lines = { name: "lines", mean: 0, scale: 1 };
const linear = linearAlgorithm(lines);

const tenth = rewardComponent("score", 0.1);
const unboundedGaussian = { ...withComponent({ unbounded: true }), algorithm: gaussian };

const brokenAlgorithms: [string, Algorithm][] = [
  ["prior_mean", { ...gaussian, priorMean: Number.NaN }],
  ["prior_strength", { ...gaussian, priorStrength: 0 }],
  ["prior_shape", { ...gaussian, priorShape: 0.4 }],
  ["prior_scale", { ...gaussian, priorScale: 0 }],
  ["exploration", { kind: "ucb1", exploration: -1 }],
  ["exploration", { kind: "kl_ucb", exploration: Number.POSITIVE_INFINITY }],
  ["temperature", { kind: "softmax", temperature: 0 }],
  ["leader_share", { kind: "top_two_thompson", leaderShare: 0 }],
  ["epsilon", epsilonGreedy(1.1, 0)],
  ["decay_half_life_generations", epsilonGreedy(0.1, -1)],
  ["features", linearAlgorithm()],
  ["features[0].name", linearAlgorithm({ ...lines, name: "" })],
  ["features[1].name", linearAlgorithm(lines, lines)],
  ["features[0].mean", linearAlgorithm({ ...lines, mean: Number.NaN })],
  ["features[0].scale", linearAlgorithm({ ...lines, scale: 0 })],
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
    const tenths = Array.from({ length: 10 }, (_, at) => rewardComponent(`score_${at}`, 0.1));
    expect(validatePolicy(withComponents(...tenths))).toEqual([]);
  });

  const broken: [string, Partial<Policy>][] = [
    ["reward.components", withComponents()],
    ["reward.components", withComponents(component, { ...component, metric: "other" })],
    ["reward.components[0].weight", withComponent({ weight: 0 })],
    ["reward.components[0].weight", withComponent({ weight: Number.NaN })],
    ["reward.components[0].max", withComponent({ max: 0 })],
    ["reward.components[0].max", withComponent({ min: Number.NaN })],
    ["reward.components[0].metric", withComponent({ metric: "Bad name" })],
    ["reward.components[0].metric", withComponent({ metric: "latency_penalty" })],
    ["reward.components[1].metric", withComponents(tenth, tenth)],
    ["reward.cost_penalty_per_usd", withReward({ costPenaltyPerUsd: -1 })],
    ["reward.latency_penalty_per_second", withReward({ latencyPenaltyPerSecond: Infinity })],
    ...brokenAlgorithms.map(([field, algorithm]): [string, Partial<Policy>] => [
      `algorithm.${algorithm.kind}.${field}`,
      { algorithm },
    ]),
    ["reward.components[0].unbounded", withComponent({ unbounded: true })],
    ["reward.components[0].metric", withComponent({ metric: "default_reward" })],
    ["forgetting_half_life", { forgettingHalfLifeSeconds: 0.5 }],
    ["forgetting_half_life", { forgettingHalfLifeSeconds: Number.NaN }],
    ["default_reward", { defaultReward: 1.5 }],
    ["shared_prior_strength_max", { sharedPriorStrengthMax: 1001 }],
    ["shared_prior_strength_max", { ...unboundedGaussian, sharedPriorStrengthMax: 20 }],
    ["change_detection.tolerance", { changeDetection: { tolerance: -0.1, threshold: 1 } }],
    ["change_detection.threshold", { changeDetection: { tolerance: 0.1, threshold: Number.NaN } }],
    ["exploration_share", { explorationShare: Number.NaN }],
    ["exploration_share", { explorationShare: 0.51 }],
    ["holdout_share", { holdoutShare: 0.6 }],
    ["prior_alpha", { priorAlpha: 0.49 }],
    ["prior_beta", { priorBeta: 0 }],
    ["refresh_interval", { refreshIntervalMs: -1 }],
    ["attribution_window", { attributionWindowSeconds: 0 }],
  ];
  it.each(broken)("names %s, and nothing else, when it alone is wrong", (field, changes) => {
    const violations = validatePolicy({ ...defaultPolicy, ...changes });
    expect(violations.map((violation) => violation.field)).toEqual([`policy.${field}`]);
  });
});
