import { once } from "node:events";
import { connect } from "node:http2";
import { createConnection, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import type { ServiceError } from "@grpc/grpc-js";
import { Client, credentials } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { grpcFrame } from "../../../bench/grpc-channel.ts";
import { BanditError } from "../../../src/domain/errors.ts";
import { CatalogService } from "../../../src/gen/bandit/v1/catalog_service_pb.ts";
import { DecisionService } from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { InsightService } from "../../../src/gen/bandit/v1/insight_service_pb.ts";
import { knownGenerationId } from "./fake-bandit-service.ts";
import {
  callGrpc,
  callJson,
  callRaw,
  grpcError,
  post,
  type RpcServers,
  rpcServersOfTest,
  seenError,
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

/** Servers with `calls` selects under way that end when `release` is called. */
async function openBusy(requestsMax: number, calls: number) {
  const servers = await rpcServersOfTest({ requestsMax });
  const { client, service } = servers;
  const release = service.hold();
  const pending = Array.from({ length: calls }, () => callGrpc(client, selectVariant, good));
  await expect.poll(() => service.calls.length).toBe(calls);
  return {
    ...servers,
    async release() {
      release();
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
      const error = await seenError(busy, transport, listAgentTypes, {});
      expect(error).toMatchObject({ status: "RESOURCE_EXHAUSTED", reason: "OVERLOADED" });
      expect(error.retryDelayMs).toBeGreaterThanOrEqual(100);
      expect(error.retryDelayMs).toBeLessThanOrEqual(1_000);
    }
    // A report and a decision still have room (negative control: this is not a service that refuses all).
    await callGrpc(busy.client, recordOutcome, outcome);
    await callGrpc(busy.client, recordGeneration, { generationId: knownGenerationId });
    expect(shedCounts(busy)).toEqual({ control: 2 });
    await busy.release();
    await callGrpc(busy.client, listAgentTypes, {});
  });

  it("refuses reports while decisions go on, over gRPC, Connect and JSON", async () => {
    const busy = await openBusy(20, 18);
    for (const transport of ["grpc", "connect"] as const) {
      const error = await seenError(busy, transport, recordOutcome, outcome);
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
    expect(shedCounts(busy)).toEqual({ report: 3 });
    await busy.release();
    await decided;
  });

  it("refuses a decision only when the limit itself is reached, and nothing of it reaches the service", async () => {
    const busy = await openBusy(10, 10);
    const error = await seenError(busy, "grpc", selectVariant, good);
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
    expect(await seenError(busy, "grpc", batchSelectVariants, { requests })).toMatchObject({
      reason: "OVERLOADED",
    });
    await busy.release();
    await Promise.all([fits, ...batches]);
  });

  it("never refuses the kill switch, by the bound or by a rate limit", async () => {
    const rateLimit = { ratePerSecond: 0.001, burst: 10 };
    const servers = await rpcServersOfTest({ requestsMax: 10, rateLimit });
    const { client, service, baseUrl } = servers;
    const release = service.hold();
    const pending = Array.from({ length: 10 }, () => callGrpc(client, selectVariant, good));
    await expect.poll(() => service.calls.length).toBe(10);
    for (let round = 0; round < 20; round += 1) {
      await callGrpc(client, getServiceInfo, {});
      await callGrpc(client, getMode, {});
      await callGrpc(client, setMode, { mode: 3 });
      expect((await callJson(baseUrl, setMode, { mode: "MODE_STATIC" })).status).toBe(200);
    }
    const refusal = async () => (await seenError(servers, "grpc", listAgentTypes, {})).reason;
    expect(await refusal()).toBe("OVERLOADED");
    release();
    await Promise.all(pending);
    expect(await refusal()).toBe("RATE_LIMITED");
  });

  it("never refuses health checks, metrics and readiness", async () => {
    const busy = await openBusy(10, 10);
    for (const page of ["healthz", "readyz", "metrics"]) {
      expect((await fetch(`${busy.baseUrl}/${page}`)).status).toBe(200);
    }
    const health = await callRaw(busy.client, "/grpc.health.v1.Health/Check", Buffer.alloc(0));
    // HealthCheckResponse { status: SERVING }
    expect(health).toEqual(Buffer.from([8, 1]));
    await busy.release();
  });

  it("gives the room back whatever became of a call: cancelled, invalid, failed, not readable", async () => {
    const { client, service, admission } = await rpcServersOfTest({ requestsMax: 10 });
    const path = "/bandit.v1.DecisionService/SelectVariant";
    for (let call = 0; call < 30; call += 1) {
      await expect(callGrpc(client, selectVariant, { agentType: "" })).rejects.toThrow();
      await expect(callRaw(client, path, Buffer.from([0x0a, 0xff]))).rejects.toThrow();
    }
    service.failure = new Error("broken");
    for (let call = 0; call < 30; call += 1) {
      await expect(callGrpc(client, selectVariant, good)).rejects.toThrow("internal");
    }
    service.failure = undefined;
    const release = service.hold();
    const deadline = () => ({ deadline: Date.now() + 50 });
    const cut = Array.from({ length: 8 }, () => callGrpc(client, selectVariant, good, deadline()));
    await Promise.all(cut.map((call) => expect(call).rejects.toMatchObject({ code: 4 })));
    release();
    await expect.poll(() => admission.inFlight).toBe(0);
    await Promise.all(Array.from({ length: 10 }, () => callGrpc(client, selectVariant, good)));
  });
});

describe("a burst that arrives in one piece", () => {
  it("is let in up to the limit, and the others are refused before anything is done for them", async () => {
    const { client, service } = await rpcServersOfTest({ requestsMax: 20 });
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
      const { grpc, service, baseUrl } = await rpcServersOfTest();
      const session = connect(`http://127.0.0.1:${grpc.port}`);
      const stream = session.request({
        ":method": "POST",
        ":path": "/bandit.v1.DecisionService/SelectVariant",
        "content-type": "application/grpc",
        te: "trailers",
        "grpc-timeout": timeout,
      });
      const { input } = selectVariant;
      const message = grpcFrame(toBinary(input, create(input, good as never)));
      stream.end(message);
      const [trailers] = await once(stream.resume(), "trailers");
      session.close();
      expect(trailers["grpc-status"]).toBe("0");
      const leftMs = (service.calls[0]?.context?.deadlineMs as number) - Date.now();
      expect(leftMs).toBeGreaterThan(24 * 86_400_000);
      const month = { "connect-timeout-ms": "2592000000" };
      expect((await post(baseUrl, selectVariant, good, month)).status).toBe(200);
      const web = { "content-type": "application/grpc-web+proto", "grpc-timeout": timeout };
      const answer = await post(baseUrl, selectVariant, Buffer.from(message), web);
      expect(await answer.text()).toContain("grpc-status: 0");
    },
  );

  it("that has passed when a call is to be begun ends it, counted, without a trace in the service", async () => {
    const { service, baseUrl } = await rpcServersOfTest();
    const response = await post(baseUrl, selectVariant, good, { "connect-timeout-ms": "0" });
    expect(response.status).toBe(504);
    expect(service.calls).toEqual([]);
  });

  it("counts from the start of a call over HTTP, also while its body comes slowly", async () => {
    const { service, baseUrl } = await rpcServersOfTest();
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode(" "));
        await setTimeout(300);
        controller.enqueue(new TextEncoder().encode(JSON.stringify(good)));
        controller.close();
      },
    });
    const response = await fetch(`${baseUrl}/bandit.v1.DecisionService/SelectVariant`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-timeout-ms": "200" },
      body,
      duplex: "half",
    });
    expect(response.status).toBe(504);
    expect(service.calls).toEqual([]);
  });

  it("ends a control call that hangs, over HTTP as well", async () => {
    const { service, baseUrl, admission } = await rpcServersOfTest();
    service.getMode = () => new Promise(() => undefined);
    const response = await post(baseUrl, getMode, {}, { "connect-timeout-ms": "100" });
    expect(response.status).toBe(504);
    await expect.poll(() => admission.inFlight).toBe(0);
  });

  it("is looked at for each item of a batch: those after it are not begun", async () => {
    const { client, service, counts } = await rpcServersOfTest();
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
  const rateLimit = { ratePerSecond: 0.001, burst: 20 };
  const servers = await rpcServersOfTest({ requestsMax: 1, rateLimit });
  const { client, service, log, gate, baseUrl } = servers;
  const release = service.hold();
  const pending = callGrpc(client, selectVariant, good);
  await expect.poll(() => service.calls.length).toBe(1);
  const refused = Array.from({ length: 30 }, () => callGrpc(client, listAgentTypes, {}));
  await Promise.allSettled(refused);
  release();
  await pending;
  await post(baseUrl, selectVariant, good, { "connect-timeout-ms": "0" });
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
  gate.stop();
  const lines = log.filter(({ message }) => message === "calls were refused");
  const counts = Object.fromEntries(
    lines.map(({ fields }) => [fields?.["reason"], fields?.["count"]]),
  );
  // Four reports and the three of a batch.
  expect(counts).toMatchObject({ OVERLOADED: 30, RATE_LIMITED: 1, OUTBOX_FULL: 7 });
});

it("at the bound on connections a silent one is closed for a new one, which may be the kill switch's; those in use go on", async () => {
  const { grpc, http, client, counts, baseUrl } = await rpcServersOfTest({ connectionsMax: 5 });
  await callGrpc(client, selectVariant, good);
  for (const [transport, { port }] of Object.entries({ grpc, http })) {
    const silent: Socket[] = [];
    const closed: number[] = [];
    for (let index = 0; index < 5; index += 1) {
      const socket = createConnection(port).on("error", () => undefined);
      socket.resume().once("close", () => void closed.push(index));
      silent.push(socket);
      await once(socket, "connect");
    }
    if (transport === "grpc") {
      const operator = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
        "grpc.use_local_subchannel_pool": 1,
      });
      await callGrpc(operator, setMode, { mode: 3 });
      operator.close();
    } else {
      expect((await callJson(baseUrl, setMode, { mode: "MODE_STATIC" })).status).toBe(200);
    }
    await callGrpc(client, selectVariant, good);
    const displaced = transport === "grpc" ? [0, 1] : [0];
    await expect.poll(() => closed).toEqual(displaced);
    const count = counts.get(`bandit_connections_displaced_total{transport=${transport}}`);
    expect(count).toBe(displaced.length);
    for (const socket of silent) socket.destroy();
  }
});

it("an HTTP request with more headers than 16 KiB is refused with 431, one with fewer is answered", async () => {
  const { baseUrl } = await rpcServersOfTest();
  const status = async (characters: number) => {
    const headers = { "x-long": "a".repeat(characters) };
    return (await fetch(`${baseUrl}/healthz`, { headers })).status;
  };
  expect(await status(15_000)).toBe(200);
  expect(await status(17_000)).toBe(431);
});
