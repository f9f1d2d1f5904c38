import { expect, test } from "vitest";
import { parseStoredPolicy } from "../../../../src/adapters/postgres/stored-policy.ts";
import { BanditError } from "../../../../src/domain/errors.ts";
import type { Algorithm } from "../../../../src/domain/policy.ts";

const component = {
  metric: "test_pass_rate",
  weight: 1,
  min: 0,
  max: 1,
  lowerIsBetter: false,
  unbounded: false,
};
const policy = {
  algorithm: { kind: "thompson_sampling" },
  reward: { components: [component], costPenaltyPerUsd: 0.5, latencyPenaltyPerSecond: 0.25 },
  minimumShare: 0.02,
  holdoutShare: 0.01,
  priorAlpha: 2,
  priorBeta: 3,
  refreshIntervalMs: 10,
  attributionWindowSeconds: 60,
  learnFromLateOutcomes: true,
  forgettingHalfLifeSeconds: 3600,
  defaultReward: 0.5,
  sharedPriorStrengthMax: 20,
  changeDetection: { tolerance: 0.1, threshold: 40 },
};

const linear = (features: readonly unknown[]): unknown => ({
  kind: "linear_thompson",
  features,
  priorVariance: 1,
  noiseStandardDeviation: 0.5,
});

test("a policy comes back from JSON as it went in", () => {
  expect(parseStoredPolicy(JSON.parse(JSON.stringify(policy)))).toEqual(policy);
});

test.each<Algorithm>([
  { kind: "epsilon_greedy", epsilon: 0.1, decayHalfLifeGenerations: 100 },
  {
    kind: "gaussian_thompson",
    priorMean: 0.5,
    priorStrength: 2,
    priorShape: 3,
    priorScale: 0.125,
  },
  { kind: "ucb1", exploration: 2 },
  { kind: "kl_ucb", exploration: 3 },
  { kind: "softmax", temperature: 0.1 },
  { kind: "top_two_thompson", leaderShare: 0.5 },
  {
    kind: "linear_thompson",
    features: [{ name: "lines", mean: 100, scale: 50 }],
    priorVariance: 1,
    noiseStandardDeviation: 0.5,
  },
])("so does the algorithm $kind", (algorithm) => {
  const stored: unknown = JSON.parse(JSON.stringify({ ...policy, algorithm }));
  expect(parseStoredPolicy(stored)).toEqual({ ...policy, algorithm });
});

test("fields that nobody knows are left out", () => {
  expect(parseStoredPolicy({ ...policy, fromTheFuture: 1 })).toEqual(policy);
});

test.each([
  ["nothing", null],
  ["a list", []],
  ["an unknown algorithm", { ...policy, algorithm: { kind: "guess" } }],
  ["a feature without name", { ...policy, algorithm: linear([{ mean: 0, scale: 1 }]) }],
  ["no features", { ...policy, algorithm: linear([]) }],
  ["a default reward as text", { ...policy, defaultReward: "0.5" }],
  ["change detection that is a number", { ...policy, changeDetection: 20 }],
  ["no algorithm", { ...policy, algorithm: undefined }],
  ["a number as text", { ...policy, priorAlpha: "2" }],
  ["no change detection", { ...policy, changeDetection: undefined }],
  ["no component", { ...policy, reward: { ...policy.reward, components: [] } }],
  [
    "a component without weight",
    { ...policy, reward: { components: [{ ...component, weight: null }] } },
  ],
  [
    "a component without metric",
    { ...policy, reward: { components: [{ ...component, metric: "" }] } },
  ],
])("%s is refused instead of guessed", (_what, stored) => {
  const parse = (): unknown => parseStoredPolicy(stored);
  expect(parse).toThrow(BanditError);
  expect(parse).toThrow(/unreadable/);
});
