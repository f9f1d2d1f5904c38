import { create, type Message, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import {
  type BatchRecordOutcomesRequest,
  BatchRecordOutcomesRequestSchema,
  SelectVariantRequestSchema,
} from "../../../../src/gen/bandit/v1/decision_service_pb.ts";
import { readBinary } from "../../../../src/rpc/messages/read-binary.ts";
import { requireReadable } from "../../../../src/rpc/unreadable-requests.ts";
import { banditErrorOf } from "../../../support/bandit-error-of.ts";

const generationId = "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b";
const batch = toBinary(
  BatchRecordOutcomesRequestSchema,
  create(BatchRecordOutcomesRequestSchema, {
    requests: ["first", "other", "third"].map((outcomeId) => ({
      ...{ outcomeId, generationId },
      outcome: { case: "ci" as const, value: { passed: true } },
    })),
  }),
);

const errorOf = (message: Message) => banditErrorOf(() => requireReadable(message));

it("a text that is no UTF-8 fails its item only, which names the field", () => {
  const bytes = Buffer.from(batch);
  bytes[bytes.indexOf("other")] = 0xff;
  const message = readBinary(BatchRecordOutcomesRequestSchema, bytes);
  expect(errorOf(message)).toBeUndefined();
  const { requests } = message as BatchRecordOutcomesRequest;
  expect(requests.map((item) => errorOf(item)?.violations[0]?.field)).toEqual([
    undefined,
    "outcome_id",
    undefined,
  ]);
  expect(requests.map(({ outcomeId }) => outcomeId)).toEqual(
    ["first", "", "third"].map((id, at) => (at === 1 ? undefined : id)),
  );
});

it("items beyond the most that a batch may have are not looked at one by one", () => {
  const broken = Uint8Array.of(0x0a, 1, 0xff);
  const bytes = Buffer.concat(Array<Uint8Array>(1_001).fill(broken));
  const message = readBinary(BatchRecordOutcomesRequestSchema, bytes);
  const { requests } = message as BatchRecordOutcomesRequest;
  expect(requests).toHaveLength(1_001);
  expect(requests.some((item) => errorOf(item) !== undefined)).toBe(false);
});

it("the field of a single request is named", () => {
  const error = errorOf(readBinary(SelectVariantRequestSchema, Uint8Array.of(0x1a, 2, 0xff, 0xfe)));
  expect(error).toMatchObject({ code: "invalid_argument", reason: "INVALID_FIELD" });
  expect(error?.violations[0]?.field).toBe("agent_id");
});

it("bytes that end in the middle of a field are refused as a whole", () => {
  const error = errorOf(readBinary(BatchRecordOutcomesRequestSchema, batch.subarray(0, -3)));
  expect(error).toMatchObject({ code: "invalid_argument", reason: "REQUEST_UNREADABLE" });
});

it("no bytes, and random ones, never throw", () => {
  expect(errorOf(readBinary(BatchRecordOutcomesRequestSchema, new Uint8Array()))).toBeUndefined();
  for (let seed = 1; seed < 2_000; seed += 1) {
    const bytes = Uint8Array.from(
      { length: seed % 40 },
      (_, at) => (seed * 7919 + at * seed * 31) % 256,
    );
    expect(() => readBinary(BatchRecordOutcomesRequestSchema, bytes)).not.toThrow();
  }
});
