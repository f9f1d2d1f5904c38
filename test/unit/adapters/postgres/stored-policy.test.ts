import { expect, test } from "vitest";
import { parseStoredPolicy } from "../../../../src/adapters/postgres/stored-policy.ts";
import { BanditError } from "../../../../src/domain/errors.ts";
import type { Algorithm, LinearFeature } from "../../../../src/domain/policy.ts";
import {
  algorithmsWithDefaults,
  linearAlgorithm,
} from "../../../support/algorithms-with-defaults.ts";
import { wholePolicy } from "../../../support/catalogue-samples.ts";

const policy = wholePolicy;
const [component] = policy.reward.components;

test("a policy comes back from JSON as it went in", () => {
  expect(parseStoredPolicy(JSON.parse(JSON.stringify(policy)))).toEqual(policy);
});

/** None of their parameters is the default one. */
const algorithms = Object.values(algorithmsWithDefaults).map((algorithm) => {
  const changed = Object.entries(algorithm).map(([name, value]) => [
    name,
    typeof value === "number" ? value / 2 + 0.125 : value,
  ]);
  return Object.fromEntries(changed) as Algorithm;
});

test.each(algorithms)("so does the algorithm $kind", (algorithm) => {
  const stored: unknown = JSON.parse(JSON.stringify({ ...policy, algorithm }));
  expect(parseStoredPolicy(stored)).toEqual({ ...policy, algorithm });
});

const nameless = { mean: 0, scale: 1 } as LinearFeature;
const withComponent = (changes: object) => ({
  ...policy,
  reward: { ...policy.reward, components: [{ ...component, ...changes }] },
});

test("fields that nobody knows are left out", () => {
  expect(parseStoredPolicy({ ...policy, fromTheFuture: 1 })).toEqual(policy);
});

test.each([
  ["nothing", null],
  ["a list", []],
  ["an unknown algorithm", { ...policy, algorithm: { kind: "guess" } }],
  ["a feature without name", { ...policy, algorithm: linearAlgorithm(nameless) }],
  ["no features", { ...policy, algorithm: linearAlgorithm() }],
  ["a default reward as text", { ...policy, defaultReward: "0.5" }],
  ["change detection that is a number", { ...policy, changeDetection: 20 }],
  ["no algorithm", { ...policy, algorithm: undefined }],
  ["a number as text", { ...policy, priorAlpha: "2" }],
  ["no change detection", { ...policy, changeDetection: undefined }],
  ["no component", { ...policy, reward: { ...policy.reward, components: [] } }],
  ["a component without weight", withComponent({ weight: null })],
  ["a component without metric", withComponent({ metric: "" })],
])("%s is refused instead of guessed", (_what, stored) => {
  const parse = (): unknown => parseStoredPolicy(stored);
  expect(parse).toThrow(BanditError);
  expect(parse).toThrow(/unreadable/);
});
