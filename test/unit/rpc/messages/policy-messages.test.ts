import { readFileSync } from "node:fs";
import { create, type DescField, getOption, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { invariant } from "../../../../src/domain/errors.ts";
import type { Algorithm } from "../../../../src/domain/policy.ts";
import { algorithmParameters } from "../../../../src/domain/policy-defaults.ts";
import {
  AlgorithmSchema,
  type Policy,
  PolicySchema,
} from "../../../../src/gen/bandit/v1/policy_pb.ts";
import { field as fieldRules } from "../../../../src/gen/buf/validate/validate_pb.ts";
import { algorithmMessage, parsePolicy } from "../../../../src/rpc/messages/policy-messages.ts";
import { algorithmsWithDefaults } from "../../../support/algorithms-with-defaults.ts";

type Durations = Pick<
  Exclude<MessageInitShape<typeof PolicySchema>, Policy>,
  "attributionWindow" | "refreshInterval"
>;

const parsed = (durations: Durations) =>
  parsePolicy(
    create(PolicySchema, {
      algorithm: { kind: { case: "thompsonSampling", value: {} } },
      reward: { components: [{ metric: "test_pass_rate", weight: 1 }] },
      ...durations,
    }),
  );

describe("the durations of a policy", () => {
  it("are taken to the second and to the millisecond", () => {
    expect(
      parsed({
        attributionWindow: { seconds: 90n },
        refreshInterval: { seconds: 1n, nanos: 7_000_000 },
      }),
    ).toMatchObject({ attributionWindowSeconds: 90, refreshIntervalMs: 1007 });
  });

  it("are refused when they are finer than that, not rounded", () => {
    const field = (name: string, description: string) =>
      expect.objectContaining({ violations: [{ field: name, description }] });
    expect(() => parsed({ attributionWindow: { seconds: 1n, nanos: 500_000_000 } })).toThrow(
      field("policy.attribution_window", "must be whole seconds"),
    );
    expect(() => parsed({ refreshInterval: { nanos: 1_500_000 } })).toThrow(
      field("policy.refresh_interval", "must be whole milliseconds"),
    );
  });
});

describe("a metric that is none of the built-in ones", () => {
  const withMetric = (metric: string, range: { min?: number; max?: number }) =>
    parsePolicy(
      create(PolicySchema, {
        algorithm: { kind: { case: "thompsonSampling", value: {} } },
        reward: { components: [{ metric, weight: 1, ...range }] },
      }),
    );

  it.each([
    ["pass_rate", {}, ".metric: no such metric; is it test_pass_rate?"],
    ["coverge", { min: 0 }, ".metric: no such metric; is it coverage?"],
    ["sentiment", {}, ".min: is required: only built-in metrics have a range"],
    ["cost_usd", {}, ".min: is required: only built-in metrics have a range"],
    ["sentiment", { min: 0 }, ".max: is required: only built-in metrics have a range"],
  ])("is told what was meant, before what is missing: %s", (metric, range, message) => {
    expect(() => withMetric(metric, range)).toThrow(`policy.reward.components[0]${message}`);
  });

  it("is a custom metric where it has a range", () => {
    expect(withMetric("pass_rate", { min: 0, max: 1 }).reward.components[0]?.metric).toBe(
      "pass_rate",
    );
  });
});

describe("an algorithm", () => {
  const contract = readFileSync("proto/bandit/v1/policy.proto", "utf8");
  const kinds = AlgorithmSchema.fields.map((field) => ({
    kind: field.name as Algorithm["kind"],
    localName: field.localName,
    fields: (field.message?.fields ?? []).filter(({ fieldKind }) => fieldKind === "scalar"),
  }));

  it("is in the domain what it is in the contract: names, defaults and ranges", () => {
    const inContract = kinds.map(({ kind, fields }) => [
      kind,
      Object.fromEntries(
        fields.map((field) => {
          const { greaterThan, lessThan } = ruleOf(field);
          const documented = new RegExp(`Absent: (\\S+)\\.\\n *optional double ${field.name} = `);
          return [
            field.localName,
            {
              default: Number(documented.exec(messageText(contract, field.parent.name))?.[1] ?? 0),
              min: greaterThan.case === "gte" ? greaterThan.value : Number.MIN_VALUE,
              max: lessThan.value,
            },
          ];
        }),
      ),
    ]);
    expect(Object.fromEntries(inContract)).toEqual(algorithmParameters);
  });

  it.each(kinds)("$kind is read with its defaults and written with them", ({ kind, localName }) => {
    const given = create(PolicySchema, {
      algorithm: { kind: { case: localName, value: {} } as never },
      reward: {},
    });
    const { algorithm } = parsePolicy(given);
    const { features: _, ...withDefaults } = algorithmsWithDefaults[kind] as { features?: unknown };
    expect(algorithm).toMatchObject(withDefaults);
    const { case: written, value } = algorithmMessage(algorithm).kind;
    expect(written).toBe(localName);
    const { kind: __, ...parameters } = algorithm;
    expect(value).toMatchObject(parameters);
  });

  it("has features with their defaults", () => {
    const features = [{ name: "a" }, { name: "b", mean: 3, scale: 2 }];
    const policy = create(PolicySchema, {
      algorithm: { kind: { case: "linearThompson", value: { features } } },
      reward: {},
    });
    expect(parsePolicy(policy).algorithm).toMatchObject({
      features: [{ name: "a", mean: 0, scale: 1 }, features[1]],
    });
  });
});

function ruleOf(field: DescField) {
  const { type } = getOption(field, fieldRules);
  invariant(type.case === "double", `${field.name} has rules`);
  return type.value;
}

/** A message as it is written in the contract. */
function messageText(contract: string, name: string): string {
  const from = contract.indexOf(`message ${name} {`);
  return contract.slice(from, contract.indexOf("\n}", from));
}
