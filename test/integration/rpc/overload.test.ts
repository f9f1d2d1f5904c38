import { once } from "node:events";
import { connect } from "node:http2";
import { create, type DescMethod, toBinary } from "@bufbuild/protobuf";
import type { ServiceError } from "@grpc/grpc-js";
import { Client, credentials } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { BanditError } from "../../../src/domain/errors.ts";
import { CatalogService } from "../../../src/gen/bandit/v1/catalog_service_pb.ts";
import { DecisionService } from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { InsightService } from "../../../src/gen/bandit/v1/insight_service_pb.ts";
import { knownGenerationId } from "./fake-bandit-service.ts";
import {
  callGrpc,
  callJson,
  grpcError,
  type RpcServers,
  seenError,
  startRpcServers,
} from "./rpc-servers.ts";

const { selectVariant, batchSelectVariants, recordOutcome, batchRecordOutcomes, recordGeneration } =
  DecisionService.method;
const { getMode, setMode, listAgentTypes } = CatalogService.method;
const { getServiceInfo } = InsightService.method;
const good = { agentType: "evolution", codeType: "python_class" };
const outcome = {
  generationId: knownGenerationId,
  outcome: { case: "custom", value: { metrics: { score: 1 } } },
};

let servers: RpcServers | undefined;
afterEach(async () => {
  await servers?.stop();
  servers = undefined;
});

/** Servers with `calls` selects under way that end when `release` is called. */
async function openBusy(requestsMax: number, calls: number) {
  servers = await startRpcServers({ requestsMax });
  const gate = Promise.withResolvers<void>();
  servers.service.gate = gate.promise;
  const { client, service } = servers;
  const pending = Array.from({ length: calls }, () => callGrpc(client, selectVariant, good));
  await expect.poll(() => service.calls.length).toBe(calls);
  return {
    ...servers,
    servers,
    async release() {
      gate.resolve();
      await Promise.all(pending);
    },
  };
}

function shedCounts({ counts }: RpcServers): Record<string, number> {
  const entries = [...counts].filter(([key]) => key.startsWith("bandit_requests_shed_total"));
  return Object.fromEntries(
    entries.map(([key, count]) => [/class=(\w+)/.exec(key)?.[1] ?? key, count]),
  );
}

describe("a service with more calls under way than a class may have", () => {
  it("refuses control at 85 %, reports at 90 %, selects at the whole bound", async () => {
    const busy = await openBusy(20, 17);
    for (const transport of ["grpc", "connect"] as const) {
      const error = await seenError(busy.servers, transport, listAgentTypes, {});
      expect(error).toMatchObject({ status: "RESOURCE_EXHAUSTED", reason: "OVERLOADED" });
      expect(error.retryDelayMs).toBeGreaterThanOrEqual(100);
      expect(error.retryDelayMs).toBeLessThanOrEqual(1_000);
    }
    // A report and a decision still have room (negative control: this is not a service that refuses all).
    await callGrpc(busy.client, recordOutcome, outcome);
    await callGrpc(busy.client, recordGeneration, { generationId: knownGenerationId });
    expect(shedCounts(busy.servers)).toEqual({ control: 2 });
    await busy.release();
    await callGrpc(busy.client, listAgentTypes, {});
  });

  it("refuses reports while decisions go on, over gRPC, Connect and JSON", async () => {
    const busy = await openBusy(20, 18);
    for (const transport of ["grpc", "connect"] as const) {
      const error = await seenError(busy.servers, transport, recordOutcome, outcome);
      expect(error).toMatchObject({ status: "RESOURCE_EXHAUSTED", reason: "OVERLOADED" });
    }
    const { status, body } = await callJson(busy.baseUrl, recordOutcome, {
      generationId: knownGenerationId,
      custom: { metrics: { score: 1 } },
    });
    expect(status).toBe(429);
    expect(body).toMatchObject({ code: "resource_exhausted" });
    expect(body["details"]).toEqual(
      expect.arrayContaining([expect.objectContaining({ type: "google.rpc.RetryInfo" })]),
    );
    const before = busy.service.calls.length;
    const decided = callGrpc(busy.client, selectVariant, good);
    await expect.poll(() => busy.service.calls.length).toBe(before + 1);
    expect(shedCounts(busy.servers)).toEqual({ report: 3 });
    await busy.release();
    await decided;
  });

  it("refuses a decision only when the limit itself is reached, and nothing of it reaches the service", async () => {
    const busy = await openBusy(10, 10);
    const error = await seenError(busy.servers, "grpc", selectVariant, good);
    expect(error).toMatchObject({
      status: "RESOURCE_EXHAUSTED",
      reason: "OVERLOADED",
      domain: "banditd",
    });
    const { status } = await callJson(busy.baseUrl, selectVariant, good);
    expect(status).toBe(429);
    expect(busy.service.calls).toHaveLength(10);
    expect(
      busy.counts.get("bandit_requests_total{rpc=SelectVariant,code=RESOURCE_EXHAUSTED}"),
    ).toBe(2);
    await busy.release();
    expect(busy.admission.inFlight).toBe(0);
    await callGrpc(busy.client, selectVariant, good);
  });

  it("counts a batch as one call, however many items it has", async () => {
    const busy = await openBusy(20, 0);
    const requests = Array.from({ length: 100 }, () => good);
    const batches = Array.from({ length: 19 }, () =>
      callGrpc(busy.client, batchSelectVariants, { requests }),
    );
    await expect.poll(() => busy.service.calls.length).toBe(1_900);
    expect(busy.admission.inFlight).toBe(19);
    const fits = callGrpc(busy.client, selectVariant, good);
    await expect.poll(() => busy.admission.inFlight).toBe(20);
    expect(await seenError(busy.servers, "grpc", batchSelectVariants, { requests })).toMatchObject({
      reason: "OVERLOADED",
    });
    await busy.release();
    await Promise.all([fits, ...batches]);
  });

  it("never refuses the kill switch, by the bound or by a rate limit", async () => {
    servers = await startRpcServers({
      requestsMax: 10,
      rateLimit: { ratePerSecond: 0.001, burst: 10 },
    });
    const { client, service, baseUrl } = servers;
    const gate = Promise.withResolvers<void>();
    service.gate = gate.promise;
    const pending = Array.from({ length: 10 }, () => callGrpc(client, selectVariant, good));
    await expect.poll(() => service.calls.length).toBe(10);
    for (let round = 0; round < 20; round += 1) {
      await callGrpc(client, getServiceInfo, {});
      await callGrpc(client, getMode, {});
      await callGrpc(client, setMode, { mode: 3 });
      expect((await callJson(baseUrl, setMode, { mode: "MODE_STATIC" })).status).toBe(200);
    }
    const refused = await seenError(servers, "grpc", listAgentTypes, {});
    expect(refused).toMatchObject({ reason: "OVERLOADED" });
    gate.resolve();
    await Promise.all(pending);
    expect(await seenError(servers, "grpc", listAgentTypes, {})).toMatchObject({
      reason: "RATE_LIMITED",
    });
  });

  it("never refuses health checks, metrics and readiness", async () => {
    const busy = await openBusy(10, 10);
    for (const page of ["healthz", "readyz", "metrics"]) {
      expect((await fetch(`${busy.baseUrl}/${page}`)).status).toBe(200);
    }
    const health = await new Promise((resolve, reject) => {
      busy.client.makeUnaryRequest<Buffer, Buffer>(
        "/grpc.health.v1.Health/Check",
        (bytes) => bytes,
        (bytes) => bytes,
        Buffer.alloc(0),
        (error, response) => (error === null ? resolve(response) : reject(error)),
      );
    });
    // HealthCheckResponse { status: SERVING }
    expect(health).toEqual(Buffer.from([8, 1]));
    await busy.release();
  });

  it("gives the room back whatever became of a call: cancelled, invalid, failed, not readable", async () => {
    servers = await startRpcServers({ requestsMax: 10 });
    const { client, service, admission } = servers;
    for (let call = 0; call < 30; call += 1) {
      await expect(callGrpc(client, selectVariant, { agentType: "" })).rejects.toThrow();
      await expect(sendRaw(client, selectVariant, Buffer.from([0x0a, 0xff]))).rejects.toThrow();
    }
    service.failure = new Error("broken");
    for (let call = 0; call < 30; call += 1) {
      await expect(callGrpc(client, selectVariant, good)).rejects.toThrow("internal");
    }
    service.failure = undefined;
    const gate = Promise.withResolvers<void>();
    service.gate = gate.promise;
    const deadline = () => ({ deadline: Date.now() + 50 });
    const cut = Array.from({ length: 8 }, () => callGrpc(client, selectVariant, good, deadline()));
    await Promise.all(cut.map((call) => expect(call).rejects.toMatchObject({ code: 4 })));
    gate.resolve();
    await expect.poll(() => admission.inFlight).toBe(0);
    await Promise.all(Array.from({ length: 10 }, () => callGrpc(client, selectVariant, good)));
  });
});

describe("a burst that arrives in one piece", () => {
  it("is let in up to the limit, and the others are refused before anything is done for them", async () => {
    servers = await startRpcServers({ requestsMax: 20 });
    const { client, service } = servers;
    await client.waitForReady(Date.now() + 5_000, () => undefined);
    const calls = Array.from({ length: 200 }, () =>
      callGrpc(client, selectVariant, good).then(
        () => "answered",
        (error: ServiceError) => grpcError(error).reason,
      ),
    );
    const results = await Promise.all(calls);
    const answered = results.filter((result) => result === "answered").length;
    expect(new Set(results)).toEqual(new Set(["answered", "OVERLOADED"]));
    expect(answered).toBeGreaterThanOrEqual(20);
    expect(service.calls).toHaveLength(answered);
  });
});

describe("a deadline", () => {
  it.each(["2592000S", "99999999H", "2147484S", "4294968S", "35791395M"])(
    "of %s, further away than a timer can hold, is one",
    async (timeout) => {
      servers = await startRpcServers();
      const { grpc, service, baseUrl } = servers;
      const session = connect(`http://127.0.0.1:${grpc.port}`);
      const stream = session.request({
        ":method": "POST",
        ":path": "/bandit.v1.DecisionService/SelectVariant",
        "content-type": "application/grpc",
        te: "trailers",
        "grpc-timeout": timeout,
      });
      const message = Buffer.from(
        toBinary(selectVariant.input, create(selectVariant.input, good as never)),
      );
      const head = Buffer.alloc(5);
      head.writeUInt32BE(message.length, 1);
      stream.end(Buffer.concat([head, message]));
      const [trailers] = await once(stream.resume(), "trailers");
      session.close();
      expect(trailers["grpc-status"]).toBe("0");
      const leftMs = (service.calls[0]?.context?.deadlineMs as number) - Date.now();
      expect(leftMs).toBeGreaterThan(24 * 86_400_000);
      const post = (headers: Record<string, string>, body: string | Buffer<ArrayBuffer>) =>
        fetch(`${baseUrl}/bandit.v1.DecisionService/SelectVariant`, {
          method: "POST",
          headers,
          body,
        });
      const json = await post(
        { "content-type": "application/json", "connect-timeout-ms": "2592000000" },
        JSON.stringify(good),
      );
      expect(json.status).toBe(200);
      const web = await post(
        { "content-type": "application/grpc-web+proto", "grpc-timeout": timeout },
        Buffer.concat([head, message]),
      );
      expect(await web.text()).toContain("grpc-status: 0");
    },
  );

  it("that has passed when a call is to be begun ends it, counted, without a trace in the service", async () => {
    servers = await startRpcServers();
    const response = await fetch(`${servers.baseUrl}/bandit.v1.DecisionService/SelectVariant`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-timeout-ms": "0" },
      body: JSON.stringify(good),
    });
    expect(response.status).toBe(504);
    expect(servers.service.calls).toEqual([]);
  });

  it("ends a control call that hangs, over HTTP as well", async () => {
    servers = await startRpcServers();
    const { service, baseUrl, admission } = servers;
    service.getMode = () => new Promise(() => undefined);
    const response = await fetch(`${baseUrl}/bandit.v1.CatalogService/GetMode`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-timeout-ms": "100" },
      body: "{}",
    });
    expect(response.status).toBe(504);
    await expect.poll(() => admission.inFlight).toBe(0);
  });

  it("is looked at for each item of a batch: those after it are not begun", async () => {
    servers = await startRpcServers();
    const { client, service, counts } = servers;
    const requests = Array.from({ length: 1_000 }, () => outcome);
    // The first turn of items lasts until the deadline has passed.
    const deadline = Date.now() + 2_000;
    const recordOutcomeNow = service.recordOutcome.bind(service);
    let begun = 0;
    service.recordOutcome = (...input) => {
      begun += 1;
      while (begun === 50 && Date.now() < deadline + 50);
      return recordOutcomeNow(...input);
    };
    await expect(
      callGrpc(client, batchRecordOutcomes, { requests }, { deadline }),
    ).rejects.toMatchObject({ code: 4 });
    await expect
      .poll(() => counts.get("bandit_requests_expired_total{class=report}"))
      .toBe(1_000 - begun);
    expect(begun).toBeLessThan(1_000);
  });
});

it("every kind of refusal leaves a line in the log, with its reason and the number of calls", async () => {
  servers = await startRpcServers({
    requestsMax: 1,
    rateLimit: { ratePerSecond: 0.001, burst: 20 },
  });
  const { client, service, log, gate: admission } = servers;
  const gate = Promise.withResolvers<void>();
  service.gate = gate.promise;
  const pending = callGrpc(client, selectVariant, good);
  await expect.poll(() => service.calls.length).toBe(1);
  const refused = Array.from({ length: 30 }, () => callGrpc(client, listAgentTypes, {}));
  await Promise.allSettled(refused);
  gate.resolve();
  await pending;
  await fetch(`${servers.baseUrl}/bandit.v1.DecisionService/SelectVariant`, {
    method: "POST",
    headers: { "content-type": "application/json", "connect-timeout-ms": "0" },
    body: JSON.stringify(good),
  });
  service.failure = new BanditError("resource_exhausted", "full", { reason: "OUTBOX_FULL" });
  for (let report = 0; report < 4; report += 1) {
    await expect(callGrpc(client, recordOutcome, outcome)).rejects.toMatchObject({ code: 8 });
  }
  const requests = Array.from({ length: 3 }, () => outcome);
  await callGrpc(client, batchRecordOutcomes, { requests });
  service.failure = undefined;
  while (
    (await Promise.allSettled([callGrpc(client, selectVariant, good)]))[0].status !== "rejected"
  );
  admission.stop();
  const lines = log.filter(({ message }) => message === "calls were refused");
  const counts = Object.fromEntries(
    lines.map(({ fields }) => [fields?.["reason"], fields?.["count"]]),
  );
  // Four reports and the three of a batch.
  expect(counts).toMatchObject({ OVERLOADED: 30, RATE_LIMITED: 1, OUTBOX_FULL: 7 });
});

describe("connections", () => {
  it("above the bound are closed at once and counted; those open go on", async () => {
    servers = await startRpcServers({ connectionsMax: 2 });
    const { grpc, client, counts } = servers;
    await callGrpc(client, selectVariant, good);
    const others = [1, 2].map(
      () =>
        new Client(`127.0.0.1:${grpc.port}`, credentials.createInsecure(), {
          "grpc.use_local_subchannel_pool": 1,
        }),
    );
    const results = await Promise.allSettled(
      others.map((other) => callGrpc(other, selectVariant, good, { deadline: Date.now() + 5_000 })),
    );
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(counts.get("bandit_connections_refused_total{transport=grpc}")).toBeGreaterThanOrEqual(
      1,
    );
    await callGrpc(client, selectVariant, good);
    for (const other of others) other.close();
  });
});

it("an HTTP request with more headers than 16 KiB is refused with 431, one with fewer is answered", async () => {
  servers = await startRpcServers();
  const status = async (characters: number) =>
    (await fetch(`${servers?.baseUrl}/healthz`, { headers: { "x-long": "a".repeat(characters) } }))
      .status;
  expect(await status(15_000)).toBe(200);
  expect(await status(17_000)).toBe(431);
});

/** Bytes that are not the message of the rpc. */
function sendRaw(client: Client, method: DescMethod, bytes: Buffer): Promise<unknown> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/${method.parent.typeName}/${method.name}`,
      (raw: Buffer) => raw,
      (raw: Buffer) => raw,
      bytes,
      (error, response) => (error === null ? resolve(response) : reject(error)),
    );
  });
}
