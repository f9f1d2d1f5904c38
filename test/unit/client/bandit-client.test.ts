import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type BanditClient, createBanditClient } from "../../../src/client/bandit-client.ts";
import { ClientError } from "../../../src/client/client-error.ts";
import { parseGenerationId } from "../../../src/domain/ids.ts";
import { CatalogService } from "../../../src/gen/bandit/v1/catalog_service_pb.ts";
import {
  type BatchSelectVariantsRequest,
  DecisionService,
  type RecordOutcomeRequest,
  type SelectVariantRequest,
  SelectVariantRequestSchema,
} from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../../src/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.ts";

type Answer = (request: unknown) => {
  fail?: Partial<{ code: number; details: string; metadata: Metadata }>;
};

/** What the server saw, and how it answers; a real grpc-js server, since the wire is what is being tested. */
const seen: { method: string; request: unknown }[] = [];
let answer: Answer = () => ({});
const server = new Server();
let client: BanditClient;
let address: string;

beforeAll(async () => {
  for (const service of [DecisionService, CatalogService]) {
    const unary = service.methods.filter((method) => method.methodKind === "unary");
    server.addService(
      Object.fromEntries(
        unary.map((method) => [
          method.name,
          {
            path: `/${service.typeName}/${method.name}`,
            requestStream: false,
            responseStream: false,
            requestSerialize: (bytes: Buffer) => bytes,
            requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes),
            responseSerialize: () => Buffer.from(toBinary(method.output, create(method.output))),
            responseDeserialize: (bytes: Buffer) => bytes,
          },
        ]),
      ),
      Object.fromEntries(
        unary.map((method) => [
          method.name,
          (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) => {
            seen.push({ method: method.name, request: call.request });
            const { fail } = answer(call.request);
            if (fail === undefined) callback(null, {});
            else if (fail.code !== undefined) callback(fail);
          },
        ]),
      ),
    );
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  address = `127.0.0.1:${port}`;
  client = createBanditClient({ address });
});

afterAll(() => {
  client.close();
  server.forceShutdown();
});

beforeEach(() => {
  seen.length = 0;
  answer = () => ({});
});

/** Of the decisions that were asked for. */
const generationIds = () =>
  seen.map(({ request }) => (request as SelectVariantRequest).generationId);

function lastRequest<Request>(): Request {
  return seen[seen.length - 1]?.request as Request;
}

const failWith =
  (code: number): Answer =>
  () => ({ fail: { code, details: "no" } });

/** A failure with details, as the service sends it. */
function failure(code: number, message: string, details: Any[]): ReturnType<Answer> {
  const metadata = new Metadata();
  const trailer = toBinary(StatusSchema, create(StatusSchema, { code, message, details }));
  metadata.set("grpc-status-details-bin", Buffer.from(trailer));
  return { fail: { code, details: message, metadata } };
}

const errorInfo = (info: MessageInitShape<typeof ErrorInfoSchema>) =>
  anyPack(ErrorInfoSchema, create(ErrorInfoSchema, info));
const retryInfo = (afterMs: number) =>
  anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: durationFromMs(afterMs) }));

/** What the service says of a call that it has not begun. */
const refusal = (code: number, retryAfterMs: number) =>
  failure(code, "no", [errorInfo({ reason: "OVERLOADED" }), retryInfo(retryAfterMs)]);

const hundred = {
  requests: Array.from({ length: 100 }, () => ({ agentType: "a", codeType: "c" })),
};

describe("the client", () => {
  it("gives a decision a generation id, the same one in every retry, and keeps the caller's", async () => {
    answer = () =>
      seen.length < 3 ? { fail: { code: status.UNAVAILABLE, details: "later" } } : {};
    await client.selectVariant({ agentType: "evolution", codeType: "python_class" });
    const ids = generationIds();
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
    expect(parseGenerationId(ids[0] as string)).toBe(ids[0]);

    const own = "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b";
    await client.selectVariant({ agentType: "a", codeType: "c", generationId: own });
    expect(lastRequest<SelectVariantRequest>().generationId).toBe(own);
  });

  it("gives every decision of a batch and every outcome an id of its own", async () => {
    await client.batchSelectVariants(hundred);
    const batch = lastRequest<BatchSelectVariantsRequest>();
    expect(new Set(batch.requests.map((request) => request.generationId)).size).toBe(100);
    await client.recordOutcome({ generationId: batch.requests[0]?.generationId as string });
    expect(lastRequest<RecordOutcomeRequest>().outcomeId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("leaves the caller's message as it was", async () => {
    const message = create(SelectVariantRequestSchema, { agentType: "a", codeType: "c" });
    await client.selectVariant(message);
    await client.selectVariant(message);
    expect(message.generationId).toBeUndefined();
    const ids = generationIds();
    expect(new Set(ids).size).toBe(2);
  });

  it("makes version 7 ids of the time it is told, a hundred in a row in one bucket", async () => {
    const nowMs = Date.now() - 5000;
    const timed = createBanditClient({
      address,
      idSource: { nowMs: () => nowMs, fillRandom: (target) => crypto.getRandomValues(target) },
    });
    await timed.batchSelectVariants(hundred);
    timed.close();
    const batch = lastRequest<BatchSelectVariantsRequest>();
    const ids = batch.requests.map((request) => request.generationId as string);
    expect(new Set(ids.map((id) => id.slice(14, 18))).size).toBe(1);
    for (const id of ids) {
      expect(id[14]).toBe("7");
      expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(nowMs);
    }
  });

  it.each([status.INTERNAL, status.RESOURCE_EXHAUSTED, status.ABORTED, status.DEADLINE_EXCEEDED])(
    "does not retry status %s",
    async (code) => {
      answer = failWith(code);
      await expect(client.getAllocation({})).rejects.toBeInstanceOf(ClientError);
      expect(seen).toHaveLength(1);
    },
  );

  it("does not retry what would create something twice, or find the etag changed by its own lost call", async () => {
    answer = failWith(status.UNAVAILABLE);
    for (const call of ["setPolicy", "promoteVariant", "retireVariant"] as const) {
      await expect(client[call]({ etag: "1" })).rejects.toMatchObject({ code: "unavailable" });
    }
    expect(seen.splice(0)).toHaveLength(3);
    await expect(client.createVariant({})).rejects.toMatchObject({ code: "unavailable" });
    await expect(client.createAgentType({})).rejects.toMatchObject({ code: "unavailable" });
    expect(seen).toHaveLength(2);
    await expect(client.getVariant({})).rejects.toMatchObject({ code: "unavailable" });
    expect(seen).toHaveLength(6);
  });

  it("repeats a refused call after the time that the service says, whatever it is, under the same id", async () => {
    const repeated: ClientError[] = [];
    const patient = createBanditClient({ address, onRepeat: (error) => repeated.push(error) });
    const startedMs = performance.now();
    answer = () => (seen.length < 4 ? refusal(status.RESOURCE_EXHAUSTED, 60) : {});
    await patient.selectVariant({ agentType: "evolution", codeType: "python_class" });
    expect(performance.now() - startedMs).toBeGreaterThan(3 * 60);
    expect(seen).toHaveLength(4);
    const ids = generationIds();
    expect(new Set(ids).size).toBe(1);
    expect(repeated.map(({ reason, retryAfterMs }) => [reason, retryAfterMs])).toEqual(
      Array.from({ length: 3 }, () => ["OVERLOADED", 60]),
    );
    // Nothing was done for it, so what would create something twice is made again as well.
    seen.length = 0;
    answer = () => (seen.length < 2 ? refusal(status.RESOURCE_EXHAUSTED, 10) : {});
    await patient.createVariant({});
    expect(seen).toHaveLength(2);
    // More often than a call that gets no answer: it was told when to come.
    seen.length = 0;
    answer = () => (seen.length < 9 ? refusal(status.UNAVAILABLE, 10) : {});
    await patient.getMode({});
    expect(seen).toHaveLength(9);
    patient.close();
  });

  it("does not wait for a time that comes after the deadline, and says what was refused", async () => {
    answer = () => refusal(status.RESOURCE_EXHAUSTED, 5_000);
    const startedMs = performance.now();
    await expect(client.getMode({}, { deadlineMs: 1_000 })).rejects.toMatchObject({
      code: "resource_exhausted",
      reason: "OVERLOADED",
      retryAfterMs: 5_000,
    });
    expect(performance.now() - startedMs).toBeLessThan(900);
    expect(seen).toHaveLength(1);
  });

  it("ends the wait when it is told to", async () => {
    answer = () => refusal(status.RESOURCE_EXHAUSTED, 1_900);
    const abort = new AbortController();
    const call = client.getMode({}, { signal: abort.signal });
    await expect.poll(() => seen.length).toBe(1);
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: "cancelled" });
    expect(seen).toHaveLength(1);
  });

  it("makes a call with a deadline of 30 days", async () => {
    await client.getMode({}, { deadlineMs: 30 * 86_400_000 });
    expect(seen).toHaveLength(1);
  });

  it("reads reason, field violations, metadata and retry delay out of a failure", async () => {
    const fieldViolations = [{ field: "agent_type", description: "empty" }];
    const details = [
      errorInfo({ reason: "INVALID_FIELD", metadata: { a: "b" } }),
      anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })),
      retryInfo(1500),
    ];
    answer = () => failure(status.INVALID_ARGUMENT, "agent_type: empty", details);
    await expect(client.selectVariant({})).rejects.toMatchObject({
      name: "ClientError",
      code: "invalid_argument",
      message: "agent_type: empty",
      reason: "INVALID_FIELD",
      violations: fieldViolations,
      metadata: { a: "b" },
      retryAfterMs: 1500,
    });
  });

  it("gives up at the deadline and when it is told to", async () => {
    answer = () => ({ fail: {} });
    const late = client.getAllocation({}, { deadlineMs: 50 });
    await expect(late).rejects.toMatchObject({ code: "deadline_exceeded" });
    const abort = new AbortController();
    const call = client.getAllocation({}, { signal: abort.signal });
    abort.abort();
    for (const cancelled of [call, client.getAllocation({}, { signal: abort.signal })]) {
      await expect(cancelled).rejects.toMatchObject({ code: "cancelled" });
    }
  });

  it("says unavailable where nobody listens", async () => {
    const lonely = createBanditClient({ address: "127.0.0.1:1" });
    await expect(lonely.getMode({})).rejects.toMatchObject({ code: "unavailable", reason: "" });
    lonely.close();
  });
});
