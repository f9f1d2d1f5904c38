import { expect, test } from "vitest";
import { parseStoredPolicy } from "../../../../src/adapters/postgres/stored-policy.ts";
import { BanditError } from "../../../../src/domain/errors.ts";

const component = { metric: "test_pass_rate", weight: 1, min: 0, max: 1, lowerIsBetter: false };
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
};

test("a policy comes back from JSON as it went in", () => {
  expect(parseStoredPolicy(JSON.parse(JSON.stringify(policy)))).toEqual(policy);
  const epsilonGreedy = {
    ...policy,
    algorithm: { kind: "epsilon_greedy", epsilon: 0.1, decayHalfLifeGenerations: 100 },
  };
  expect(parseStoredPolicy(epsilonGreedy)).toEqual(epsilonGreedy);
});

test("fields that did not exist when the policy was stored get their neutral value", () => {
  const { algorithm, reward } = policy;
  expect(parseStoredPolicy({ algorithm, reward: { components: reward.components } })).toEqual({
    algorithm,
    reward: { components: [component], costPenaltyPerUsd: 0, latencyPenaltyPerSecond: 0 },
    minimumShare: 0,
    holdoutShare: 0,
    priorAlpha: 1,
    priorBeta: 1,
    refreshIntervalMs: 50,
    attributionWindowSeconds: 86_400,
    learnFromLateOutcomes: false,
  });
});

test("fields that nobody knows are left out", () => {
  expect(parseStoredPolicy({ ...policy, fromTheFuture: 1 })).toEqual(policy);
});

test.each([
  ["nothing", null],
  ["a list", []],
  ["an unknown algorithm", { ...policy, algorithm: { kind: "guess" } }],
  ["no algorithm", { ...policy, algorithm: undefined }],
  ["a number as text", { ...policy, priorAlpha: "2" }],
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
