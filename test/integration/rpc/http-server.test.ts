import { describe, expect, it } from "vitest";
import { CatalogService } from "../../../src/gen/bandit/v1/catalog_service_pb.ts";
import { DecisionService } from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { InsightService } from "../../../src/gen/bandit/v1/insight_service_pb.ts";
import { rewardComponent } from "../../support/catalogue-samples.ts";
import { knownGenerationId } from "./fake-bandit-service.ts";
import { callConnect, callJson, post, rpcServersOfTest, useRpcServers } from "./rpc-servers.ts";

const { selectVariant, recordOutcome, recordGeneration } = DecisionService.method;

const servers = useRpcServers();

describe("plain JSON", () => {
  it("decides as curl asks", async () => {
    const { status, body } = await callJson(
      servers.baseUrl,
      selectVariant,
      '{"agentType":"evolution","codeType":"python_class"}',
    );
    expect(status).toBe(200);
    expect(body).toEqual({
      generationId: knownGenerationId,
      variant: {
        variantId: "evolution/edge-cases-first@1",
        name: "edge-cases-first",
        version: 1,
        promptTemplate: "Write tests for {{code}}",
        model: "some-model",
        temperature: 0.2,
        parameters: { style: "terse", limits: { tests: 12 } },
      },
      source: "DECISION_SOURCE_EXPLORE",
      propensity: 0.25,
      allocationVersion: "00112233445566ff",
    });
    expect(servers.service.calls[0]?.context?.actor).toBe("rpc:127.0.0.1");
  });

  it("takes outcomes in proto names, too", async () => {
    const { status, body } = await callJson(servers.baseUrl, recordOutcome, {
      generation_id: knownGenerationId,
      occurred_at: "2025-11-23T00:00:00.250Z",
      test_run: { passed: 3, failed: 1 },
    });
    expect(body).toEqual({ outcomeId: "made-here", status: "OUTCOME_STATUS_APPLIED" });
    expect(status).toBe(200);
    expect(servers.service.calls[0]?.input).toMatchObject({
      occurredAtMs: Date.UTC(2025, 10, 23, 0, 0, 0, 250),
    });
  });

  it.each([
    ["a rating of 6", { rating: { overall: 6 } }],
    ["a metric that is NaN", { custom: { metrics: { a: "NaN" } } }],
    ["text for a number", { testRun: { passed: "many" } }],
    ["two kinds at once", { ci: { passed: true }, rating: {} }],
    ["no content", {}],
  ])("refuses %s and changes nothing", async (_, content) => {
    const answer = await callJson(servers.baseUrl, recordOutcome, {
      generationId: knownGenerationId,
      ...content,
    });
    expect([answer.status, answer.body["code"]]).toEqual([400, "invalid_argument"]);
    expect(servers.service.calls).toEqual([]);
  });

  it("names the field in a form that needs no decoding", async () => {
    const { body } = await callJson(servers.baseUrl, recordOutcome, {
      generationId: knownGenerationId,
      rating: { overall: 6 },
    });
    expect(JSON.stringify(body["details"])).toContain('"field":"rating.overall"');
    expect(JSON.stringify(body["details"])).toContain('"reason":"INVALID_FIELD"');
  });

  it("that is not JSON is refused", async () => {
    const { status } = await callJson(servers.baseUrl, selectVariant, '{"agentType":');
    expect(status).toBe(400);
  });

  it("above 4 MiB is RESOURCE_EXHAUSTED", async () => {
    const { status, body } = await callJson(servers.baseUrl, recordGeneration, {
      generationId: knownGenerationId,
      content: "a".repeat(4 * 1024 * 1024),
    });
    expect([status, body["code"]]).toEqual([429, "resource_exhausted"]);
    expect(servers.service.calls).toEqual([]);
  });

  it("passes a timeout on as a deadline", async () => {
    const request = { agentType: "evolution", codeType: "x" };
    await post(servers.baseUrl, selectVariant, request, { "connect-timeout-ms": "5000" });
    const deadlineMs = servers.service.calls[0]?.context?.deadlineMs ?? 0;
    expect(Math.abs(deadlineMs - Date.now() - 5000)).toBeLessThan(1000);
  });
});

describe("the other services", () => {
  it("return rows of a query as JSON of the same shape", async () => {
    const { body } = await callJson(servers.baseUrl, InsightService.method.query, { sql: "x" });
    expect(body).toEqual({
      columns: [{ name: "a", type: "UInt64" }],
      rows: [["18446744073709551615", 1.5, null, [true, "x"], { k: 2 }]],
      truncated: true,
      elapsed: "0.012s",
    });
    expect(servers.service.calls[0]?.input).toEqual({
      sql: "x",
      rowsMax: 1000,
      timeoutMs: 30_000,
      fresh: false,
    });
  });

  it("fill in a policy's defaults and the range of a built-in metric", async () => {
    const { body } = await callJson(servers.baseUrl, CatalogService.method.setPolicy, {
      agentType: "evolution",
      codeType: "python_class",
      policy: {
        algorithm: { epsilonGreedy: {} },
        reward: { components: [{ metric: "rating_overall", weight: 1 }] },
      },
      etag: "p1",
      validateOnly: true,
    });
    expect(servers.service.calls[0]?.input).toEqual({
      agentType: "evolution",
      codeType: "python_class",
      etag: "p1",
      validateOnly: true,
      policy: {
        algorithm: { kind: "epsilon_greedy", epsilon: 0.1, decayHalfLifeGenerations: 0 },
        reward: {
          components: [rewardComponent("rating_overall", 1, { min: 1, max: 5 })],
          costPenaltyPerUsd: 0,
          latencyPenaltyPerSecond: 0,
        },
        explorationShare: 0,
        holdoutShare: 0,
        priorAlpha: 1,
        priorBeta: 1,
        refreshIntervalMs: 50,
        attributionWindowSeconds: 86_400,
        forgettingHalfLifeSeconds: 0,
        sharedPriorStrengthMax: 0,
        changeDetection: { tolerance: 0.03, threshold: 30 },
        learnFromLateOutcomes: false,
      },
    });
    expect(body["record"]).toMatchObject({
      etag: "p2",
      policy: { refreshInterval: "0.050s", attributionWindow: "86400s" },
    });
  });

  it("keep a policy whole on the way there and back", async () => {
    const policy = {
      algorithm: { epsilonGreedy: { epsilon: 0, decayHalfLifeGenerations: 7 } },
      reward: {
        components: [{ metric: "m", weight: 0.5, min: -1, max: 2, lowerIsBetter: true }],
        costPenaltyPerUsd: 0.5,
        latencyPenaltyPerSecond: 0.25,
      },
      explorationShare: 0.02,
      holdoutShare: 0.1,
      priorAlpha: 2,
      priorBeta: 3,
      refreshInterval: "1s",
      attributionWindow: "60s",
      learnFromLateOutcomes: true,
    };
    const request = { agentType: "evolution", policy };
    const { body } = await callJson(servers.baseUrl, CatalogService.method.setPolicy, request);
    expect(body["record"]).toMatchObject({ policy });
  });

  it("create a variant as a draft unless told otherwise", async () => {
    const request = { agentType: "evolution", variant: { name: "a", promptTemplate: "{{x}}" } };
    await callJson(servers.baseUrl, CatalogService.method.createVariant, request);
    expect(servers.service.calls[0]?.input).toEqual({
      agentType: "evolution",
      name: "a",
      description: "",
      content: { promptTemplate: "{{x}}", model: "", parameters: {} },
      status: "draft",
      validateOnly: false,
    });
  });

  it("page with 100 items unless told otherwise", async () => {
    const { body } = await callJson(servers.baseUrl, CatalogService.method.listAgentTypes, {});
    expect(servers.service.calls[0]?.input).toEqual({ pageSize: 100, pageToken: "" });
    expect(body["nextPageToken"]).toBe("more");
  });

  it("answer over binary Connect as well", async () => {
    const info = await callConnect(servers.baseUrl, InsightService.method.getServiceInfo, {});
    expect(info).toMatchObject({ version: "test", stateEngine: "sqlite", eventsEngine: "chdb" });
  });
});

it("a request under way is answered before the server has stopped", async () => {
  const own = await rpcServersOfTest();
  const release = own.service.hold();
  const request = { agentType: "evolution", codeType: "x" };
  const answer = callJson(own.baseUrl, selectVariant, request);
  await expect.poll(() => own.service.calls.length).toBe(1);
  const stopped = own.http.stop(5000);
  release();
  expect((await answer).status).toBe(200);
  await stopped;
  await expect(callJson(own.baseUrl, selectVariant, request)).rejects.toThrow();
});

it("gRPC-Web is served next to JSON", async () => {
  const web = { "content-type": "application/grpc-web+proto" };
  const { getServiceInfo } = InsightService.method;
  const response = await post(servers.baseUrl, getServiceInfo, new Uint8Array(5), web);
  expect(response.status).toBe(200);
  const text = Buffer.from(await response.arrayBuffer()).toString("latin1");
  expect(text).toContain("chdb");
  expect(text).toContain("grpc-status: 0");
});

describe("the pages", () => {
  const get = (path: string, method = "GET") =>
    fetch(servers.baseUrl + path, { method, signal: AbortSignal.timeout(10_000) });

  it("list what is here", async () => {
    const body = await (await get("/")).text();
    expect(body).toContain("POST /bandit.v1.DecisionService/SelectVariant");
    for (const page of ["/metrics", "/healthz", "/readyz"]) expect(body).toContain(page);
  });

  it("say that the process is up, and ready", async () => {
    expect((await get("/healthz")).status).toBe(200);
    const ready = await get("/readyz");
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({
      ready: true,
      degraded: false,
      checks: { state: "ok" },
    });
  });

  it("say when it is not ready", async () => {
    const { baseUrl } = await rpcServersOfTest({ ready: false });
    expect((await fetch(`${baseUrl}/readyz`)).status).toBe(503);
  });

  it("give the metrics as they are", async () => {
    const response = await get("/metrics");
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4");
    expect(await response.text()).toBe("a_metric 1\n");
  });

  it("are few, and only read", async () => {
    expect((await get("/nothing")).status).toBe(404);
    expect((await get("/bandit.v1.DecisionService/NoSuchRpc", "POST")).status).toBe(404);
    const refused = await get("/metrics", "POST");
    expect(refused.status).toBe(405);
    expect(refused.headers.get("allow")).toBe("GET, HEAD");
    const head = await get("/healthz", "HEAD");
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });
});
