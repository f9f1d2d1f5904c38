import type { DescMethod } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { DecisionService } from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import {
  callGrpc,
  grpcError,
  post,
  type RpcServers,
  rpcServersOfTest,
  type SeenError,
} from "./rpc-servers.ts";

const { selectVariant, batchSelectVariants } = DecisionService.method;
const good = { agentType: "evolution", codeType: "python_class" };

let servers: RpcServers;

/** A call with `x-bandit-caller`; "answered", or what was wrong. */
function callAs(caller: string, method: DescMethod, request: object): Promise<Partial<SeenError>> {
  const call = callGrpc(servers.client, method, request, { caller });
  return call.then(() => ({ reason: "answered" }), grpcError);
}

describe("a rate limit", () => {
  it("refuses a caller's calls beyond its burst, with the moment a token is there, and nobody else's", async () => {
    servers = await rpcServersOfTest({ rateLimit: { ratePerSecond: 0.01, burst: 3 } });
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
    servers = await rpcServersOfTest({ rateLimit: { ratePerSecond: 0.01, burst: 5 } });
    const batch = (items: number) => ({ requests: Array.from({ length: items }, () => good) });
    expect((await callAs("a", batchSelectVariants, batch(4))).reason).toBe("answered");
    expect((await callAs("a", batchSelectVariants, batch(2))).reason).toBe("RATE_LIMITED");
    expect((await callAs("a", batchSelectVariants, batch(1))).reason).toBe("answered");
    const never = await callAs("b", batchSelectVariants, batch(6));
    expect(never).toMatchObject({ reason: "RATE_LIMITED", retryDelayMs: undefined });
    expect(servers.service.calls).toHaveLength(5);
  });

  it("takes the key from a header over HTTP as well, and goes by the address without one", async () => {
    servers = await rpcServersOfTest({ rateLimit: { ratePerSecond: 0.01, burst: 1 } });
    const call = async (headers: Record<string, string>) =>
      (await post(servers.baseUrl, selectVariant, good, headers)).status;
    expect(await call({ "x-bandit-caller": "a" })).toBe(200);
    expect(await call({ "x-bandit-caller": "a" })).toBe(429);
    expect(await call({ "x-bandit-caller": "b" })).toBe(200);
    expect(await call({})).toBe(200);
    expect(await call({})).toBe(429);
  });

  it("refuses a key of more than 128 characters", async () => {
    servers = await rpcServersOfTest({ rateLimit: { ratePerSecond: 10, burst: 10 } });
    expect((await callAs("k".repeat(128), selectVariant, good)).reason).toBe("answered");
    expect(await callAs("k".repeat(129), selectVariant, good)).toMatchObject({
      reason: "INVALID_FIELD",
      fields: ["x-bandit-caller"],
    });
  });

  it("is off unless it is asked for (negative control)", async () => {
    servers = await rpcServersOfTest();
    const calls = Array.from({ length: 200 }, () => callAs("greedy", selectVariant, good));
    const reasons = (await Promise.all(calls)).map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(["answered"]));
  });
});
