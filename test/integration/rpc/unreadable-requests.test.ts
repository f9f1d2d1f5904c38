import { gzipSync } from "node:zlib";
import { create, type DescMethod, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import type { Variant } from "../../../src/domain/variant.ts";
import { CatalogService } from "../../../src/gen/bandit/v1/catalog_service_pb.ts";
import {
  BatchRecordOutcomesRequestSchema,
  BatchRecordOutcomesResponseSchema,
  DecisionService,
} from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { knownGenerationId, sampleVariant } from "./fake-bandit-service.ts";
import { callGrpc, callJson, useRpcServers } from "./rpc-servers.ts";

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
      const head = Buffer.alloc(5);
      head.writeUInt32BE(json.length, 1);
      const response = await fetch(`${servers.baseUrl}/bandit.v1.DecisionService/SelectVariant`, {
        method: "POST",
        headers: { "content-type": contentType },
        body: contentType.includes("web") ? Buffer.concat([head, json]) : json,
      });
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

  it.each<[string, DescMethod, string, string, string | undefined]>([
    [
      "a field that there is not",
      selectVariant,
      '{"agentTyp":"evolution"}',
      "INVALID_FIELD",
      "agentTyp",
    ],
    ["a wrong type", selectVariant, '{"agentType":7}', "INVALID_FIELD", "agent_type"],
    ["no JSON", selectVariant, "{", "REQUEST_UNREADABLE", undefined],
    ["a body that is empty", selectVariant, "", "REQUEST_UNREADABLE", undefined],
    ["a batch of no list", batchRecordOutcomes, '{"requests":{}}', "INVALID_FIELD", "requests"],
    [
      "a wrong mode",
      CatalogService.method.setMode,
      '{"mode":"MODE_STATIK"}',
      "INVALID_FIELD",
      "mode",
    ],
  ])(
    "%s is refused with reason and field, and counted",
    async (_what, method, text, reason, field) => {
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
    },
  );

  it("a body that was compressed is read too, and one beyond 4 MiB is refused", async () => {
    const url = `${servers.baseUrl}/bandit.v1.DecisionService/SelectVariant`;
    const post = (body: Uint8Array<ArrayBuffer>, encoding: string) =>
      fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", "content-encoding": encoding },
        body,
      });
    const request = Buffer.from('{"agentType":"evolution","codeType":"c"}');
    expect((await post(gzipSync(request), "gzip")).status).toBe(200);
    expect((await post(gzipSync(Buffer.alloc(5 * 1024 * 1024)), "gzip")).status).toBe(429);
    expect((await post(Buffer.alloc(5 * 1024 * 1024), "identity")).status).toBe(429);
    expect((await post(request, "compress")).status).toBe(501);
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
    const answer = await new Promise<Buffer>((resolve, reject) => {
      servers.client.makeUnaryRequest(
        "/bandit.v1.DecisionService/BatchRecordOutcomes",
        (sent: Buffer) => sent,
        (received) => received,
        bytes,
        new Metadata(),
        (error, received) => (error === null ? resolve(received as Buffer) : reject(error)),
      );
    });
    const { results } = fromBinary(BatchRecordOutcomesResponseSchema, answer);
    expect(results).toMatchObject(expected);
  });

  it("and with Connect", async () => {
    const url = `${servers.baseUrl}/bandit.v1.DecisionService/BatchRecordOutcomes`;
    const headers = { "content-type": "application/proto" };
    const response = await fetch(url, { method: "POST", headers, body: bytes });
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
