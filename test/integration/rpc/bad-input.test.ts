import type { DescMethod } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { CatalogService } from "../../../src/gen/bandit/v1/catalog_service_pb.ts";
import { DecisionService } from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { InsightService } from "../../../src/gen/bandit/v1/insight_service_pb.ts";
import { knownGenerationId } from "./fake-bandit-service.ts";
import { seenError, type Transport, useRpcServers } from "./rpc-servers.ts";

interface Case {
  readonly name: string;
  readonly method: DescMethod;
  readonly request: object;
  /** Exactly these fields are named, sorted. */
  readonly fields: readonly string[];
}

const { selectVariant, recordGeneration, recordOutcome } = DecisionService.method;
const good = { agentType: "evolution", codeType: "python_class" };
const known = { generationId: knownGenerationId };
const template = { name: "a", promptTemplate: "{{code}}" };

function outcome(kind: string, value: object): object {
  return { ...known, outcome: { case: kind, value } };
}

function policy(changes: object): object {
  return {
    agentType: "evolution",
    policy: {
      algorithm: { kind: { case: "thompsonSampling", value: {} } },
      reward: { components: [{ metric: "coverage", weight: 1 }] },
      ...changes,
    },
  };
}

function select(name: string, changes: object, ...fields: string[]): Case {
  return { name, method: selectVariant, request: { ...good, ...changes }, fields };
}

function record(name: string, kind: string, value: object, ...fields: string[]): Case {
  return { name, method: recordOutcome, request: outcome(kind, value), fields };
}

function generation(name: string, changes: object, ...fields: string[]): Case {
  return { name, method: recordGeneration, request: { ...known, ...changes }, fields };
}

function call(name: string, method: DescMethod, request: object, ...fields: string[]): Case {
  return { name, method, request, fields };
}

/** CreateVariant of a variant that would do but for these changes. */
function variant(name: string, changes: object, field: string): Case {
  const request = { agentType: "evolution", variant: { ...template, ...changes } };
  return { name, method: createVariant, request, fields: [`variant.${field}`] };
}

const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));
const { createAgentType, createVariant, listVariants, promoteVariant, setMode, setPolicy } =
  CatalogService.method;

const cases: readonly Case[] = [
  select("no label at all", { agentType: "", codeType: "" }, "agent_type", "code_type"),
  select("an agent type of 65 characters", { agentType: "a".repeat(65) }, "agent_type"),
  select("an agent type in capitals", { agentType: "Evolution" }, "agent_type"),
  select("a code type of 65 characters", { codeType: "a".repeat(65) }, "code_type"),
  select("a code type with a space", { codeType: "python class" }, "code_type"),
  select("a code type with a line break at its end", { codeType: "python\n" }, "code_type"),
  select("an agent id of 129 characters", { agentId: "a".repeat(129) }, "agent_id"),
  select("a long conversation id", { conversationId: "a".repeat(129) }, "conversation_id"),
  select("a generation id that is no UUID", { generationId: "gen-1" }, "generation_id"),
  select("an empty generation id", { generationId: "" }, "generation_id"),
  select("a feature that is NaN", { features: { loc: Number.NaN } }, 'features["loc"]'),
  select("an infinite feature", { features: { loc: -Infinity } }, 'features["loc"]'),
  select("65 features", { features: many(65) }, "features"),
  select("a feature without a name", { features: { "": 1 } }, 'features[""]'),
  select("a malformed variant id", { allowedVariantIds: ["x"] }, "allowed_variant_ids[0]"),
  select(
    "the same variant twice",
    { allowedVariantIds: ["a/b@1", "a/b@1"] },
    "allowed_variant_ids",
  ),

  generation("a malformed generation id", { generationId: "1" }, "generation_id"),
  generation("a temperature of 2.1", { temperature: 2.1 }, "temperature"),
  generation("a NaN temperature", { temperature: Number.NaN }, "temperature"),
  generation("a top_p of 0", { topP: 0 }, "top_p"),
  generation("no tokens allowed", { maxTokens: 0 }, "max_tokens"),
  generation("negative tokens", { promptTokens: -1 }, "prompt_tokens"),
  generation("negative completion tokens", { completionTokens: -1 }, "completion_tokens"),
  generation("a negative cost", { costUsd: -0.01 }, "cost_usd"),
  generation("an infinite cost", { costUsd: Infinity }, "cost_usd"),
  generation("negative tests", { testsGenerated: -1 }, "tests_generated"),
  generation("a negative duration", { duration: { seconds: -1n } }, "duration"),
  generation("more than 1 MiB of content", { content: "é".repeat(524_289) }, "content"),

  call("an outcome without content", recordOutcome, { generationId: knownGenerationId }, "outcome"),
  call(
    "an outcome from before 2000",
    recordOutcome,
    { ...outcome("testRun", { passed: 1 }), occurredAt: { seconds: 1n } },
    "occurred_at",
  ),
  call(
    "an outcome of a malformed generation id",
    recordOutcome,
    { ...outcome("testRun", { passed: 1 }), generationId: "nonsense" },
    "generation_id",
  ),
  call(
    "an outcome id with a space",
    recordOutcome,
    { ...outcome("testRun", { passed: 1 }), outcomeId: "a b" },
    "outcome_id",
  ),
  record("negative tests passed", "testRun", { passed: -1, failed: 1 }, "test_run.passed"),
  record("negative tests failed", "testRun", { passed: 1, failed: -1 }, "test_run.failed"),
  record("a test run without a test", "testRun", {}, "test_run"),
  record("coverage above 1", "testRun", { coverage: 1.01 }, "test_run.coverage"),
  record("coverage NaN", "testRun", { coverage: Number.NaN }, "test_run.coverage"),
  record("negative score", "testRun", { mutationScore: -0.1 }, "test_run.mutation_score"),
  record("a rating of 0", "rating", { overall: 0 }, "rating.overall"),
  record("a rating of 6", "rating", { quality: 6 }, "rating.quality"),
  record("a rating of -1", "rating", { overall: -1 }, "rating.overall"),
  record("a rating that is NaN", "rating", { relevance: Number.NaN }, "rating.relevance"),
  record("a rating without a value", "rating", {}, "rating"),
  record("a long comment", "rating", { coverage: 3, comment: "a".repeat(4097) }, "rating.comment"),
  record("no action", "action", {}, "action.kind"),
  record("an edit without a distance", "action", { kind: 2 }, "action.edit_distance"),
  record("a distance above 1", "action", { kind: 2, editDistance: 1.1 }, "action.edit_distance"),
  record("an accepted edit", "action", { kind: 1, editDistance: 0.5 }, "action.edit_distance"),
  record("a CI result without a result", "ci", { pipeline: "p" }, "ci.passed"),
  record("no custom metric", "custom", {}, "custom.metrics"),
  record("65 custom metrics", "custom", { metrics: many(65) }, "custom.metrics"),
  record("an infinite one", "custom", { metrics: { a: Infinity } }, 'custom.metrics["a"]'),
  record("a badly named one", "custom", { metrics: { "A b": 1 } }, 'custom.metrics["A b"]'),

  call(
    "an empty batch of decisions",
    DecisionService.method.batchSelectVariants,
    { requests: [] },
    "requests",
  ),
  call(
    "101 decisions at once",
    DecisionService.method.batchSelectVariants,
    { requests: Array.from({ length: 101 }, () => good) },
    "requests",
  ),
  call(
    "1,001 outcomes at once",
    DecisionService.method.batchRecordOutcomes,
    { requests: Array.from({ length: 1001 }, () => outcome("testRun", { passed: 1 })) },
    "requests",
  ),

  call("an agent type without variants", createAgentType, { agentType: "a" }, "variants"),
  call(
    "two first variants of one name",
    createAgentType,
    { agentType: "a", variants: [template, template] },
    "variants[1].name",
  ),
  call("no variant", createVariant, { agentType: "evolution" }, "variant"),
  variant("no template", { promptTemplate: "" }, "prompt_template"),
  variant("65,537 characters", { promptTemplate: "a".repeat(65_537) }, "prompt_template"),
  variant("a name with a slash", { name: "a/b" }, "name"),
  variant("more than 16 KiB", { parameters: { a: "x".repeat(16_384) } }, "parameters"),
  call(
    "a variant that is born retired",
    createVariant,
    { agentType: "evolution", variant: template, status: 4 },
    "status",
  ),
  call("a page of 1,001", listVariants, { pageSize: 1001 }, "page_size"),
  call("an unknown status", listVariants, { statuses: [9] }, "statuses[0]"),
  call("a malformed variant id", promoteVariant, { variantId: "evolution" }, "variant_id"),
  call("no mode", setMode, {}, "mode"),
  call("no policy", setPolicy, { agentType: "evolution" }, "policy"),
  call("no algorithm", setPolicy, policy({ algorithm: {} }), "policy.algorithm.kind"),
  call("no component", setPolicy, policy({ reward: {} }), "policy.reward.components"),
  call("too large a holdout", setPolicy, policy({ holdoutShare: 0.6 }), "policy.holdout_share"),
  call("too weak a prior", setPolicy, policy({ priorAlpha: 0.4 }), "policy.prior_alpha"),
  call(
    "a custom component without a range",
    setPolicy,
    policy({ reward: { components: [{ metric: "happiness", weight: 1 }] } }),
    "policy.reward.components[0].min",
  ),
  call("no statement", InsightService.method.query, {}, "sql"),
  call("too many rows", InsightService.method.query, { sql: "x", rowsMax: 10_001 }, "rows_max"),
  call("no time", InsightService.method.query, { sql: "x", timeout: { seconds: 0n } }, "timeout"),
];

const servers = useRpcServers();

describe.each<Transport>(["grpc", "connect"])(
  "over %s, what breaks the contract is refused",
  (transport) => {
    it.each(cases)("$method.name: $name", async ({ method, request, fields }) => {
      const error = await seenError(servers, transport, method, request);
      expect(error).toMatchObject({
        status: "INVALID_ARGUMENT",
        reason: "INVALID_FIELD",
        domain: "banditd",
        fields,
      });
      expect(error.descriptions.every((description) => description.length > 0)).toBe(true);
      expect(servers.service.calls).toEqual([]);
    });
  },
);

describe.each<Transport>(["grpc", "connect"])("over %s", (transport) => {
  it("names every broken rule at once, at most 16, in a trailer that any client takes", async () => {
    const features = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`${index}${"x".repeat(10_000)}`, Number.NaN]),
    );
    const error = await seenError(servers, transport, selectVariant, { ...good, features });
    expect(error.descriptions).toHaveLength(16);
    expect(error.metadata).toEqual({ violations_total: "80" });
    expect(Math.max(...error.fields.map((field) => field.length))).toBeLessThanOrEqual(128);
  });

  it("an unknown agent type is NOT_FOUND with what to do", async () => {
    const request = { ...good, agentType: "nobody" };
    const error = await seenError(servers, transport, selectVariant, request);
    expect(error).toMatchObject({ status: "NOT_FOUND", reason: "AGENT_TYPE_NOT_FOUND" });
    expect(error.message).toContain("create it");
    expect(error.metadata).toEqual({ agent_type: "nobody" });
  });

  it("an unknown generation is NOT_FOUND", async () => {
    const request = {
      ...outcome("testRun", { passed: 1 }),
      generationId: "00000000-0000-4000-8000-000000000000",
    };
    const error = await seenError(servers, transport, recordOutcome, request);
    expect(error).toMatchObject({ status: "NOT_FOUND", reason: "GENERATION_NOT_FOUND" });
  });

  it("promoting a retired variant is FAILED_PRECONDITION", async () => {
    const request = { variantId: "evolution/old@1" };
    const error = await seenError(servers, transport, promoteVariant, request);
    expect(error).toMatchObject({ status: "FAILED_PRECONDITION", reason: "VARIANT_RETIRED" });
  });
});
