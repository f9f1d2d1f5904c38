import { gzipSync } from "node:zlib";
import { create, type DescMethod, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { grpcFrame } from "../../../bench/grpc-channel.ts";
import type { Variant } from "../../../src/domain/variant.ts";
import { CatalogService } from "../../../src/gen/bandit/v1/catalog_service_pb.ts";
import {
  BatchRecordOutcomesRequestSchema,
  BatchRecordOutcomesResponseSchema,
  DecisionService,
} from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { knownGenerationId, sampleVariant } from "./fake-bandit-service.ts";
import { callGrpc, callJson, callRaw, post, useRpcServers } from "./rpc-servers.ts";

const { selectVariant, batchRecordOutcomes, batchSelectVariants } = DecisionService.method;
const good = { generationId: knownGenerationId, ci: { passed: true } };

const servers = useRpcServers();

interface JsonError {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly debug: Record<string, unknown> }[];
}

describe("over JSON", () => {
  it.each(["Application/JSON", "application/grpc-web+json"])(
    "a field that there is not is refused as %s too",
    async (contentType) => {
      const json = Buffer.from('{"agentType":"evolution","codeType":"a","agentIdd":"b"}');
      const body = Buffer.from(contentType.includes("web") ? grpcFrame(json) : json);
      const headers = { "content-type": contentType };
      const response = await post(servers.baseUrl, selectVariant, body, headers);
      expect(await response.text()).toMatch(/"code":"invalid_argument"|grpc-status: 3\r/);
      expect(servers.service.calls).toEqual([]);
    },
  );

  it("one item that cannot be read fails alone, and is named with its field", async () => {
    const { status, body } = await callJson(servers.baseUrl, batchRecordOutcomes, {
      requests: [good, { ...good, occurredAt: "2026-01-01T00:00:00.123" }, good],
    });
    expect(status).toBe(200);
    expect(body["results"]).toEqual([
      { response: expect.objectContaining({ status: "OUTCOME_STATUS_APPLIED" }) },
      {
        error: expect.objectContaining({
          code: "INVALID_ARGUMENT",
          reason: "INVALID_FIELD",
          message: expect.stringMatching(
            /^requests\[1\]\.occurred_at: must be a time with its zone/,
          ),
          fieldViolations: [expect.objectContaining({ field: "occurred_at" })],
        }),
      },
      { response: expect.objectContaining({ status: "OUTCOME_STATUS_APPLIED" }) },
    ]);
    expect(servers.service.calls).toHaveLength(2);
  });

  it.each<[what: string, DescMethod, text: string, field: string | undefined]>([
    ["a field that there is not", selectVariant, '{"agentTyp":"evolution"}', "agentTyp"],
    ["a wrong type", selectVariant, '{"agentType":7}', "agent_type"],
    ["no JSON", selectVariant, "{", undefined],
    ["a body that is empty", selectVariant, "", undefined],
    ["a batch of no list", batchRecordOutcomes, '{"requests":{}}', "requests"],
    ["a wrong mode", CatalogService.method.setMode, '{"mode":"MODE_STATIK"}', "mode"],
  ])("%s is refused with reason and field, and counted", async (_what, method, text, field) => {
    const reason = field === undefined ? "REQUEST_UNREADABLE" : "INVALID_FIELD";
    const { status, body } = await callJson(servers.baseUrl, method, text);
    expect(status).toBe(400);
    const { code, details } = body as unknown as JsonError;
    expect(code).toBe("invalid_argument");
    expect(details[0]).toMatchObject({ type: "google.rpc.ErrorInfo", debug: { reason } });
    if (field !== undefined) {
      expect(details[1]?.debug).toMatchObject({ fieldViolations: [{ field }] });
    }
    expect(servers.service.calls).toEqual([]);
    expect(
      servers.counts.get(`bandit_requests_total{rpc=${method.name},code=INVALID_ARGUMENT}`),
    ).toBeGreaterThan(0);
  });

  it("a body that was compressed is read too, and one beyond 4 MiB is refused", async () => {
    const send = async (body: Uint8Array<ArrayBuffer>, encoding: string) => {
      const headers = { "content-encoding": encoding };
      return (await post(servers.baseUrl, selectVariant, body, headers)).status;
    };
    const request = Buffer.from('{"agentType":"evolution","codeType":"c"}');
    expect(await send(gzipSync(request), "gzip")).toBe(200);
    expect(await send(gzipSync(Buffer.alloc(5 * 1024 * 1024)), "gzip")).toBe(429);
    expect(await send(Buffer.alloc(5 * 1024 * 1024), "identity")).toBe(429);
    expect(await send(request, "compress")).toBe(501);
  });
});

describe("over binary", () => {
  const bytes = Buffer.from(
    toBinary(
      BatchRecordOutcomesRequestSchema,
      create(BatchRecordOutcomesRequestSchema, {
        requests: ["first", "other", "third"].map((outcomeId) => ({
          ...{ outcomeId, generationId: knownGenerationId },
          outcome: { case: "ci" as const, value: { passed: true } },
        })),
      }),
    ),
  );
  bytes[bytes.indexOf("other")] = 0xff;

  const expected = [
    { result: { case: "response" } },
    {
      result: {
        case: "error",
        value: { code: 3, reason: "INVALID_FIELD", fieldViolations: [{ field: "outcome_id" }] },
      },
    },
    { result: { case: "response" } },
  ];

  it("one item with a text that is no UTF-8 fails alone, with gRPC", async () => {
    const path = "/bandit.v1.DecisionService/BatchRecordOutcomes";
    const answer = await callRaw(servers.client, path, bytes);
    const { results } = fromBinary(BatchRecordOutcomesResponseSchema, answer);
    expect(results).toMatchObject(expected);
  });

  it("and with Connect", async () => {
    const headers = { "content-type": "application/proto" };
    const response = await post(servers.baseUrl, batchRecordOutcomes, bytes, headers);
    expect(response.status).toBe(200);
    const answer = new Uint8Array(await response.arrayBuffer());
    expect(fromBinary(BatchRecordOutcomesResponseSchema, answer).results).toMatchObject(expected);
  });
});

describe("an answer to many decisions", () => {
  it("ends at 4 MiB, for a client of gRPC with its own default; further items are refused one by one", async () => {
    const variant: Variant = { ...sampleVariant, promptTemplate: "x".repeat(65_536) };
    servers.service.variant = variant;
    const requests = Array(64).fill({ agentType: "evolution", codeType: "c" });
    const { results } = await callGrpc(servers.client, batchSelectVariants, { requests });
    const told = results as { result: { case: string; value: { reason: string } } }[];
    const served = told.filter(({ result }) => result.case === "response").length;
    expect(served).toBeGreaterThan(55);
    expect(served).toBeLessThan(64);
    for (const { result } of told.slice(served)) {
      expect(result.value).toMatchObject({ code: 8, reason: "ANSWER_FULL" });
    }
  });
});
