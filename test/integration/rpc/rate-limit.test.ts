import {
  create,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { DecisionService } from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { grpcServiceDefinition } from "../../../src/rpc/grpc/grpc-service-definition.ts";
import { callGrpc, grpcError, type RpcServers, startRpcServers } from "./rpc-servers.ts";

const { selectVariant, batchSelectVariants } = DecisionService.method;
const good = { agentType: "evolution", codeType: "python_class" };

let servers: RpcServers | undefined;
afterEach(async () => {
  await servers?.stop();
  servers = undefined;
});

/** A call with `x-bandit-caller`; "answered", or what was wrong. */
function callAs(key: string, method: DescMethod, request: object) {
  const definition = grpcServiceDefinition(method.parent)[method.localName];
  if (definition === undefined || servers === undefined) throw new Error("not started");
  const { client } = servers;
  const metadata = new Metadata();
  metadata.set("x-bandit-caller", key);
  return new Promise<{
    reason: string | undefined;
    retryDelayMs: number | undefined;
    fields: readonly string[];
  }>((resolve) => {
    client.makeUnaryRequest(
      definition.path,
      definition.requestSerialize,
      definition.responseDeserialize,
      create(method.input, request as MessageInitShape<DescMessage>),
      metadata,
      (error: ServiceError | null) =>
        resolve(
          error === null
            ? { reason: "answered", retryDelayMs: undefined, fields: [] }
            : grpcError(error),
        ),
    );
  });
}

describe("a rate limit", () => {
  it("refuses a caller's calls beyond its burst, with the moment a token is there, and nobody else's", async () => {
    servers = await startRpcServers({ rateLimit: { ratePerSecond: 0.01, burst: 3 } });
    for (let call = 0; call < 3; call += 1) {
      expect((await callAs("greedy", selectVariant, good)).reason).toBe("answered");
    }
    const refused = await callAs("greedy", selectVariant, good);
    expect(refused).toMatchObject({ reason: "RATE_LIMITED" });
    // One token takes 100 s, less what has passed since the first call.
    expect(refused.retryDelayMs).toBeGreaterThan(60_000);
    expect(refused.retryDelayMs).toBeLessThanOrEqual(100_000);
    expect((await callAs("other", selectVariant, good)).reason).toBe("answered");
    await callGrpc(servers.client, selectVariant, good);
    expect(servers.counts.get("bandit_requests_rate_limited_total{}")).toBe(1);
    expect(servers.service.calls).toHaveLength(5);
  });

  it("counts each item of a batch and says when a batch is too large for ever", async () => {
    servers = await startRpcServers({ rateLimit: { ratePerSecond: 0.01, burst: 5 } });
    const batch = (items: number) => ({ requests: Array.from({ length: items }, () => good) });
    expect((await callAs("a", batchSelectVariants, batch(4))).reason).toBe("answered");
    expect((await callAs("a", batchSelectVariants, batch(2))).reason).toBe("RATE_LIMITED");
    expect((await callAs("a", batchSelectVariants, batch(1))).reason).toBe("answered");
    const never = await callAs("b", batchSelectVariants, batch(6));
    expect(never).toMatchObject({ reason: "RATE_LIMITED", retryDelayMs: undefined });
    expect(servers.service.calls).toHaveLength(5);
  });

  it("takes the key from a header over HTTP as well, and goes by the address without one", async () => {
    servers = await startRpcServers({ rateLimit: { ratePerSecond: 0.01, burst: 1 } });
    const { baseUrl } = servers;
    const call = async (headers: Record<string, string>) => {
      const response = await fetch(`${baseUrl}/bandit.v1.DecisionService/SelectVariant`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(good),
      });
      return response.status;
    };
    expect(await call({ "x-bandit-caller": "a" })).toBe(200);
    expect(await call({ "x-bandit-caller": "a" })).toBe(429);
    expect(await call({ "x-bandit-caller": "b" })).toBe(200);
    expect(await call({})).toBe(200);
    expect(await call({})).toBe(429);
  });

  it("refuses a key of more than 128 characters", async () => {
    servers = await startRpcServers({ rateLimit: { ratePerSecond: 10, burst: 10 } });
    expect((await callAs("k".repeat(128), selectVariant, good)).reason).toBe("answered");
    expect(await callAs("k".repeat(129), selectVariant, good)).toMatchObject({
      reason: "INVALID_FIELD",
      fields: ["x-bandit-caller"],
    });
  });

  it("is off unless it is asked for (negative control)", async () => {
    servers = await startRpcServers();
    const calls = Array.from({ length: 200 }, () => callAs("greedy", selectVariant, good));
    const reasons = (await Promise.all(calls)).map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(["answered"]));
  });
});
