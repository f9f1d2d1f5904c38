import { createRequire } from "node:module";
import { create } from "@bufbuild/protobuf";
import {
  type Client,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { service as healthDefinition } from "grpc-health-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BanditError } from "../../../src/domain/errors.ts";
import { CatalogService } from "../../../src/gen/bandit/v1/catalog_service_pb.ts";
import {
  DecisionService,
  SelectVariantRequestSchema,
} from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { startGrpcServer } from "../../../src/rpc/grpc-server.ts";
import { grpcServiceDefinition } from "../../../src/rpc/grpc-service-definition.ts";
import { knownGenerationId, sampleVariant } from "./fake-bandit-service.ts";
import { callGrpc, grpcError, type RpcServers, seenError, startRpcServers } from "./rpc-servers.ts";

const { selectVariant, recordOutcome, recordGeneration, batchSelectVariants, batchRecordOutcomes } =
  DecisionService.method;
const good = { agentType: "evolution", codeType: "python_class" };

let servers: RpcServers;
beforeAll(async () => {
  servers = await startRpcServers();
});
beforeEach(() => {
  servers.service.calls.length = 0;
  servers.service.failure = undefined;
  servers.service.gate = undefined;
  servers.counts.clear();
  servers.log.length = 0;
});
afterAll(() => servers.stop());

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
    const gate = Promise.withResolvers<void>();
    servers.service.gate = gate.promise;
    const call = callGrpc(servers.client, batchSelectVariants, { requests: Array(100).fill(good) });
    await expect.poll(() => servers.service.calls.length).toBe(100);
    gate.resolve();
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
    expect(servers.service.calls[0]?.input).toEqual({ mode: "frozen", reason: "test" });
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
    const gate = Promise.withResolvers<void>();
    servers.service.gate = gate.promise;
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
    gate.resolve();
  });

  it("that outlives its deadline is DEADLINE_EXCEEDED", async () => {
    const gate = Promise.withResolvers<void>();
    servers.service.gate = gate.promise;
    const call = callGrpc(servers.client, selectVariant, good, { deadline: Date.now() + 100 });
    await expect(call).rejects.toMatchObject({ code: 4 });
    gate.resolve();
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

describe.each(["grpc", "connect"] as const)("over %s, a failure", (transport) => {
  it("that nobody expected says nothing about its cause, and the log says all", async () => {
    const cause = new Error("password=hunter2 at 10.0.0.7");
    servers.service.failure = cause;
    const error = await seenError(servers, transport, selectVariant, good);
    expect(error).toMatchObject({
      status: "INTERNAL",
      message: "internal error",
      reason: "INTERNAL",
    });
    expect(JSON.stringify(error)).not.toContain("hunter2");
    expect(servers.log).toMatchObject([
      { level: "error", fields: { rpc: "SelectVariant", error: cause } },
    ]);
  });

  it("that is transient says when to try again, and keeps the driver's words back", async () => {
    servers.service.failure = new BanditError("unavailable", "the state store does not answer", {
      reason: "STATE_UNAVAILABLE",
      retryAfterMs: 250,
      metadata: { engine: "redis" },
      cause: new Error("connect ECONNREFUSED 10.0.0.7"),
    });
    const error = await seenError(servers, transport, recordGeneration, {
      generationId: knownGenerationId,
    });
    expect(error).toMatchObject({
      status: "UNAVAILABLE",
      message: "the state store does not answer",
      reason: "STATE_UNAVAILABLE",
      retryDelayMs: 250,
      metadata: { engine: "redis" },
    });
    expect(JSON.stringify(error)).not.toContain("ECONNREFUSED");
  });

  it("of an rpc that this version does not serve is UNIMPLEMENTED", async () => {
    const error = await seenError(servers, transport, DecisionService.method.reportDecisions, {
      decisions: [
        {
          ...good,
          generationId: knownGenerationId,
          variantId: sampleVariant.id,
          allocationVersion: "00112233445566ff",
          decidedAt: { seconds: 1_763_856_000n },
        },
      ],
    });
    expect(error).toMatchObject({ status: "UNIMPLEMENTED", reason: "RPC_NOT_IMPLEMENTED" });
  });
});

it("the same failure is logged once a second, not once a call", async () => {
  servers.service.failure = new Error("bug");
  const requests = Array(100).fill(good);
  await callGrpc(servers.client, batchSelectVariants, { requests });
  expect(servers.log).toHaveLength(1);
});

it("a stream fails with the same details as a call", async () => {
  const definition = grpcServiceDefinition(DecisionService)["watchAllocations"];
  const stream = servers.client.makeServerStreamRequest(
    definition?.path ?? "",
    definition?.requestSerialize ?? Buffer.from,
    definition?.responseDeserialize ?? String,
    create(DecisionService.method.watchAllocations.input, {
      selectors: [{ agentType: "evolution" }],
    }),
  );
  const failed = await new Promise<ServiceError>((resolve) => stream.once("error", resolve));
  expect(grpcError(failed)).toMatchObject({
    status: "UNIMPLEMENTED",
    reason: "RPC_NOT_IMPLEMENTED",
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

describe("health", () => {
  it("follows setServing, for the server and each service", async () => {
    const status = (service: string) => checkHealth(servers.client, service);
    expect(await status("")).toBe("SERVING");
    expect(await status("bandit.v1.DecisionService")).toBe("SERVING");
    await expect(status("no.such.Service")).rejects.toMatchObject({ code: 5 });
    servers.grpc.setServing(false);
    expect(await status("bandit.v1.CatalogService")).toBe("NOT_SERVING");
    servers.grpc.setServing(true);
  });
});

describe.each(["v1", "v1alpha"])("reflection %s", (version) => {
  it("lists the services and describes their messages", async () => {
    const answers = await reflect(servers.grpc.port, version, [
      { listServices: "" },
      { fileContainingSymbol: "bandit.v1.DecisionService" },
      { fileByFilename: "buf/validate/validate.proto" },
    ]);
    const names = answers[0]?.listServicesResponse?.service.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        "bandit.v1.DecisionService",
        "bandit.v1.CatalogService",
        "bandit.v1.InsightService",
        "grpc.health.v1.Health",
      ]),
    );
    const text = Buffer.concat(answers[1]?.fileDescriptorResponse?.fileDescriptorProto ?? []);
    expect(text.includes("SelectVariantRequest")).toBe(true);
    expect(text.includes("EpsilonGreedy")).toBe(true);
    expect(answers[2]?.fileDescriptorResponse?.fileDescriptorProto.length).toBeGreaterThan(0);
  });
});

describe("the server", () => {
  it("lets a call end before it stops", async () => {
    const own = await startRpcServers();
    const gate = Promise.withResolvers<void>();
    own.service.gate = gate.promise;
    const call = callGrpc(own.client, selectVariant, good);
    await expect.poll(() => own.service.calls.length).toBe(1);
    const stopped = own.grpc.stop(5000);
    gate.resolve();
    await expect(call).resolves.toMatchObject({ generationId: knownGenerationId });
    own.client.close();
    await stopped;
    await own.stop();
  });

  it("cuts what does not end within the grace period", async () => {
    const own = await startRpcServers();
    own.service.gate = new Promise(() => undefined);
    const call = callGrpc(own.client, selectVariant, good).catch((error: unknown) => error);
    await expect.poll(() => own.service.calls.length).toBe(1);
    const startedMs = performance.now();
    await own.grpc.stop(50);
    expect(performance.now() - startedMs).toBeLessThan(2000);
    expect(await call).toBeInstanceOf(Error);
    await own.stop();
  });

  it("says which address it cannot have", async () => {
    const { service, grpc } = servers;
    const quiet = () => undefined;
    const options = {
      service,
      host: "127.0.0.1",
      port: grpc.port,
      telemetry: { count: quiet, observeMs: quiet, gauge: quiet },
      logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      clock: { nowMs: Date.now, monotonicMs: () => performance.now() },
    };
    await expect(startGrpcServer(options)).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "LISTEN_FAILED",
    });
  });
});

async function checkHealth(client: Client, service: string): Promise<string> {
  const check = healthDefinition["Check"] ?? healthDefinition["check"];
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest<object, object>(
      "/grpc.health.v1.Health/Check",
      check?.requestSerialize ?? (() => Buffer.alloc(0)),
      check?.responseDeserialize ?? (() => ({})),
      { service },
      (error, response) => {
        if (error === null) resolve((response as { status: string }).status);
        else reject(error);
      },
    );
  });
}

interface ReflectionAnswer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: Buffer[] };
}

/** A reflection client as grpcurl is one: asks over the wire, with the published definition. */
async function reflect(
  port: number,
  version: string,
  requests: readonly object[],
): Promise<ReflectionAnswer[]> {
  const require = createRequire(import.meta.resolve("@grpc/reflection"));
  const loader = require("@grpc/proto-loader");
  const path = require.resolve(`../../build/proto/grpc/reflection/${version}/reflection.proto`);
  const loaded = loadPackageDefinition(loader.loadSync(path, { oneofs: true }));
  // biome-ignore lint/suspicious/noExplicitAny: the loaded package has no static type
  const Reflection = (loaded as any).grpc.reflection[version].ServerReflection;
  const client = new Reflection(`127.0.0.1:${port}`, credentials.createInsecure());
  const stream = client.ServerReflectionInfo(new Metadata());
  const answers: ReflectionAnswer[] = [];
  await new Promise<void>((resolve, reject) => {
    stream.on("data", (answer: ReflectionAnswer) => answers.push(answer));
    stream.on("end", resolve);
    stream.on("error", reject);
    for (const request of requests) stream.write(request);
    stream.end();
  });
  (client as Client).close();
  return answers;
}
