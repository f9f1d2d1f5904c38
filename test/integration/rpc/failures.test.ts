import { create } from "@bufbuild/protobuf";
import type { ServiceError } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { BanditError } from "../../../src/domain/errors.ts";
import { DecisionService } from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { grpcServiceDefinition } from "../../../src/rpc/grpc/grpc-service-definition.ts";
import { knownGenerationId, sampleVariant } from "./fake-bandit-service.ts";
import { callGrpc, grpcError, rpcServersOfTest, seenError } from "./rpc-servers.ts";

const { selectVariant, recordGeneration, batchSelectVariants } = DecisionService.method;
const good = { agentType: "evolution", codeType: "python_class" };

describe.each(["grpc", "connect"] as const)("over %s, a failure", (transport) => {
  it("that nobody expected says nothing about its cause, and the log says all", async () => {
    const servers = await rpcServersOfTest();
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
    const servers = await rpcServersOfTest();
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
    const servers = await rpcServersOfTest();
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
  const servers = await rpcServersOfTest();
  servers.service.failure = new Error("bug");
  const requests = Array(100).fill(good);
  await callGrpc(servers.client, batchSelectVariants, { requests });
  expect(servers.log).toHaveLength(1);
});

it("a stream fails with the same details as a call", async () => {
  const servers = await rpcServersOfTest();
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
