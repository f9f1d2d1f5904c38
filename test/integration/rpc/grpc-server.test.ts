import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { CatalogService } from "../../../src/gen/bandit/v1/catalog_service_pb.ts";
import {
  DecisionService,
  SelectVariantRequestSchema,
} from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { grpcServiceDefinition } from "../../../src/rpc/grpc/grpc-service-definition.ts";
import { knownGenerationId, sampleVariant } from "./fake-bandit-service.ts";
import { callGrpc, seenError, useRpcServers } from "./rpc-servers.ts";

const { selectVariant, recordOutcome, recordGeneration, batchSelectVariants, batchRecordOutcomes } =
  DecisionService.method;
const good = { agentType: "evolution", codeType: "python_class" };

const servers = useRpcServers();

describe("a decision", () => {
  it("carries everything an agent needs", async () => {
    const response = await callGrpc(servers.client, selectVariant, good);
    expect(response).toMatchObject({
      generationId: knownGenerationId,
      variant: {
        variantId: sampleVariant.id,
        promptTemplate: sampleVariant.promptTemplate,
        model: "some-model",
        temperature: 0.2,
        parameters: { style: "terse", limits: { tests: 12 } },
      },
      source: 2,
      propensity: 0.25,
      allocationVersion: "00112233445566ff",
      degraded: false,
    });
    expect(response["variant"]).not.toHaveProperty("topP");
  });

  it("reaches the service as it was asked for", async () => {
    const generationId = knownGenerationId.toUpperCase();
    const allowedVariantIds = ["evolution/a@1"];
    await callGrpc(servers.client, selectVariant, {
      ...good,
      agentId: "evolution_3",
      conversationId: "c",
      generationId,
      features: { loc: 12 },
      allowedVariantIds,
    });
    expect(servers.service.calls[0]?.input).toEqual({
      ...good,
      agentId: "evolution_3",
      conversationId: "c",
      generationId: knownGenerationId,
      features: { loc: 12 },
      allowedVariantIds,
    });
  });
});

describe("a batch", () => {
  it("answers each decision by itself, in order", async () => {
    const requests = [good, { agentType: "", codeType: "x" }, { ...good, agentType: "nobody" }];
    const { results } = await callGrpc(servers.client, batchSelectVariants, { requests });
    expect(results).toMatchObject([
      { result: { case: "response", value: { generationId: knownGenerationId } } },
      {
        result: {
          case: "error",
          value: { code: 3, reason: "INVALID_FIELD", fieldViolations: [{ field: "agent_type" }] },
        },
      },
      { result: { case: "error", value: { code: 5, reason: "AGENT_TYPE_NOT_FOUND" } } },
    ]);
  });

  it("starts every item before the first one has ended", async () => {
    const release = servers.service.hold();
    const call = callGrpc(servers.client, batchSelectVariants, { requests: Array(100).fill(good) });
    await expect.poll(() => servers.service.calls.length).toBe(100);
    release();
    await call;
  });

  it("records what is right of 1,000 outcomes and says what is wrong with the rest", async () => {
    const value = { case: "testRun", value: { passed: 1 } };
    const requests = Array.from({ length: 1000 }, (_, index) => ({
      generationId: index === 500 ? "x" : knownGenerationId,
      outcomeId: `o${index}`,
      outcome: value,
    }));
    const { results } = await callGrpc(servers.client, batchRecordOutcomes, { requests });
    const cases = (results as { result: { case: string } }[]).map(({ result }) => result.case);
    expect(cases.indexOf("error")).toBe(500);
    expect(cases.filter((which) => which === "response")).toHaveLength(999);
    expect(servers.service.calls).toHaveLength(999);
  });
});

describe("reports", () => {
  it("leave out what is not known", async () => {
    await callGrpc(servers.client, recordGeneration, {
      generationId: knownGenerationId,
      temperature: 0,
      duration: { seconds: 1n, nanos: 500_000_000 },
    });
    expect(servers.service.calls[0]?.input).toEqual({
      generationId: knownGenerationId,
      model: "",
      temperature: 0,
      durationMs: 1500,
      codeHash: "",
      content: "",
    });
  });

  it.each([
    [
      "testRun",
      { passed: 3, failed: 1, coverage: 0 },
      { source: "test_run", passed: 3, failed: 1, coverage: 0 },
    ],
    [
      "rating",
      { overall: 5, userId: "u" },
      { source: "user_rating", overall: 5, comment: "", userId: "u" },
    ],
    [
      "action",
      { kind: 2, editDistance: 0.25 },
      { source: "user_action", action: "edited", editDistance: 0.25, userId: "" },
    ],
    [
      "action",
      { kind: 3 },
      { source: "user_action", action: "deleted", editDistance: 0, userId: "" },
    ],
    [
      "ci",
      { passed: false, pipeline: "p" },
      { source: "ci", passed: false, pipeline: "p", url: "" },
    ],
    ["custom", { metrics: { seconds: -2 } }, { source: "custom", metrics: { seconds: -2 } }],
  ])("an outcome of kind %s arrives whole", async (kind, value, content) => {
    const response = await callGrpc(servers.client, recordOutcome, {
      generationId: knownGenerationId,
      occurredAt: { seconds: 1_763_856_000n, nanos: 250_000_000 },
      outcome: { case: kind, value },
    });
    expect(response).toMatchObject({ outcomeId: "made-here", status: 1 });
    expect(servers.service.calls[0]?.input).toEqual({
      generationId: knownGenerationId,
      occurredAtMs: 1_763_856_000_250,
      content,
    });
  });
});

describe("a call", () => {
  it("that changes the catalogue says who made it, also when the caller has gone", async () => {
    await callGrpc(servers.client, CatalogService.method.setMode, { mode: 2, reason: "test" });
    expect(servers.service.calls[0]?.input).toMatchObject({ mode: "frozen", reason: "test" });
    expect(servers.service.calls[0]?.context?.actor).toBe("rpc:127.0.0.1");
  });

  it("passes its deadline on", async () => {
    const deadline = Date.now() + 5000;
    await callGrpc(servers.client, selectVariant, good, { deadline });
    const seenMs = servers.service.calls[0]?.context?.deadlineMs ?? 0;
    expect(Math.abs(seenMs - deadline)).toBeLessThan(1000);
  });

  it("without a deadline has none", async () => {
    await callGrpc(servers.client, selectVariant, good);
    expect(servers.service.calls[0]?.context).not.toHaveProperty("deadlineMs");
  });

  it("that the caller gives up aborts the signal", async () => {
    const release = servers.service.hold();
    const definition = grpcServiceDefinition(DecisionService)["selectVariant"];
    const call = servers.client.makeUnaryRequest(
      definition?.path ?? "",
      definition?.requestSerialize ?? Buffer.from,
      definition?.responseDeserialize ?? String,
      create(SelectVariantRequestSchema, good),
      () => undefined,
    );
    await expect.poll(() => servers.service.calls.length).toBe(1);
    const signal = servers.service.calls[0]?.context?.signal;
    expect(signal?.aborted).toBe(false);
    call.cancel();
    await expect.poll(() => signal?.aborted).toBe(true);
    release();
  });

  it("that outlives its deadline is DEADLINE_EXCEEDED", async () => {
    const release = servers.service.hold();
    const call = callGrpc(servers.client, selectVariant, good, { deadline: Date.now() + 100 });
    await expect(call).rejects.toMatchObject({ code: 4 });
    release();
  });

  it("is counted and timed by rpc and code", async () => {
    await callGrpc(servers.client, selectVariant, good);
    await seenError(servers, "grpc", selectVariant, {});
    expect(servers.counts.get("bandit_requests_total{rpc=SelectVariant,code=OK}")).toBe(1);
    expect(
      servers.counts.get("bandit_requests_total{rpc=SelectVariant,code=INVALID_ARGUMENT}"),
    ).toBe(1);
    expect(servers.timings).toContain("bandit_request_duration_ms{rpc=SelectVariant} true");
  });
});

it("a message above 4 MiB is RESOURCE_EXHAUSTED and one just below is not", async () => {
  const below = { generationId: knownGenerationId, content: "a".repeat(4 * 1024 * 1024 - 100) };
  const above = { generationId: knownGenerationId, content: "a".repeat(4 * 1024 * 1024 + 1) };
  expect(await seenError(servers, "grpc", recordGeneration, below)).toMatchObject({
    status: "INVALID_ARGUMENT",
    fields: ["content"],
  });
  for (const transport of ["grpc", "connect"] as const) {
    const error = await seenError(servers, transport, recordGeneration, above);
    expect(error.status).toBe("RESOURCE_EXHAUSTED");
  }
  expect(servers.service.calls).toEqual([]);
});
