import type { DescMessage, Message } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  CreateVariantRequestSchema,
  SetPolicyRequestSchema,
} from "../../../../src/gen/bandit/v1/catalog_service_pb.ts";
import {
  type BatchRecordOutcomesRequest,
  BatchRecordOutcomesRequestSchema,
  RecordOutcomeRequestSchema,
  SelectVariantRequestSchema,
} from "../../../../src/gen/bandit/v1/decision_service_pb.ts";
import { readJson } from "../../../../src/rpc/messages/read-json.ts";
import { requireReadable } from "../../../../src/rpc/unreadable-requests.ts";
import { banditErrorOf } from "../../../support/bandit-error-of.ts";

const generationId = "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b";
const good = `{"generationId":"${generationId}","ci":{"passed":true}}`;

const read = (schema: DescMessage, text: string): Message =>
  readJson(schema, new TextEncoder().encode(text));

const errorOf = (message: Message) => banditErrorOf(() => requireReadable(message));

const [decision, outcome] = [SelectVariantRequestSchema, RecordOutcomeRequestSchema];
const [policy, variant] = [SetPolicyRequestSchema, CreateVariantRequestSchema];

const misnamed = `{"policy":{"algorithm":{"thomson_sampling":{}}}}`;
const oneOf = /exactly one of test_run, rating, action, ci, custom/;
const beyond = "9007199254740993";
const withParameters = (text: string) => `{"variant":{"parameters":${text}}}`;

describe("a request in JSON that cannot be read names the first wrong field", () => {
  it.each<[DescMessage, string, string, RegExp]>([
    [outcome, `{"occurredAt":"2026-01-01T00:00:00"}`, "occurred_at", /with its zone/],
    [
      outcome,
      `{"action":{"kind":"USER_ACTION_KIND_EDITTED"}}`,
      "action.kind",
      /is it \w+_EDITED\?/,
    ],
    [outcome, `{"testRun":{"passed":"many"}}`, "test_run.passed", /a whole number/],
    [outcome, `{"generationId":5}`, "generation_id", /a text, not 5/],
    [outcome, `{"ci":{"passed":true},"custom":{}}`, "outcome", oneOf],
    [outcome, `{"generation":"x"}`, "generation", /no such field/],
    [decision, `{"agentTyp":"x"}`, "agentTyp", /is it agent_type\?/],
    [decision, `{"agentType":"x","agent_type":"y"}`, "request", /names a field twice/],
    [decision, `{"features":{"a":1,"b":"x"}}`, 'features["b"]', /a number, not "x"/],
    [decision, `{"allowedVariantIds":["a",7]}`, "allowed_variant_ids[1]", /a text, not 7/],
    [decision, `{"allowedVariantIds":"a"}`, "allowed_variant_ids", /a list/],
    [policy, `{"policy":{"refreshInterval":"50ms"}}`, "policy.refresh_interval", /in seconds/],
    [policy, misnamed, "policy.algorithm.thomson_sampling", /is it thompson_sampling\?/],
    // Half of a character.
    [decision, String.raw`{"agentId":"\ud800"}`, "agent_id", /Unicode/],
    // A number beyond the largest, and a whole number that no double holds.
    [variant, withParameters(`{"a":[1,1e400]}`), "variant.parameters.a[1]", /1e400/],
    [variant, withParameters(`{"seed":${beyond}}`), "variant.parameters.seed", RegExp(beyond)],
    [decision, `{"features":{"a":1,"a":2}}`, "features.a", /twice/],
    [decision, "[]", "request", /an object/],
  ])("%s %s", (schema, text, field, description) => {
    const error = errorOf(read(schema, text));
    expect(error).toMatchObject({ code: "invalid_argument", reason: "INVALID_FIELD" });
    expect(error?.violations).toEqual([{ field, description: expect.stringMatching(description) }]);
  });

  it.each(["", "{", '{"agentType":}', "\u00ff"])("%j is no JSON at all", (text) => {
    expect(errorOf(read(SelectVariantRequestSchema, text))).toMatchObject({
      code: "invalid_argument",
      reason: "REQUEST_UNREADABLE",
    });
  });

  it("finds a name that stands twice wherever it stands, and whatever texts look like", () => {
    const twice = [
      '{"features":{"a":1,"b" : 2,"\\u0061":3}}',
      '{"agentId":"\\":","features":{"a":1,"a":1}}',
    ];
    for (const text of twice) {
      expect(errorOf(read(SelectVariantRequestSchema, text))?.violations[0]?.field).toBe(
        "features.a",
      );
    }
    const agentId = '"a":1,"a":2 and 12345678901234567890 and 1e400';
    const text = JSON.stringify({ agentId, features: { "a:": 1, '"': 2 } });
    expect(read(SelectVariantRequestSchema, text)).toMatchObject({ agentId });
  });

  it("reads what is right as it is, also numbers that every reader rounds alike", () => {
    const message = read(SelectVariantRequestSchema, '{"features":{"a":0.1,"b":9007199254740992}}');
    expect(errorOf(message)).toBeUndefined();
    expect(message).toMatchObject({ features: { a: 0.1, b: 2 ** 53 } });
  });
});

it("JSON that is nested deeper than can be read is refused like other unreadable requests", () => {
  for (const schema of [decision, BatchRecordOutcomesRequestSchema]) {
    const text = `{"requests":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
    const error = errorOf(read(schema, text));
    expect(error).toMatchObject({ code: "invalid_argument", reason: "REQUEST_UNREADABLE" });
    expect(error?.message).toMatch(/nested too deeply/);
  }
});

describe("a batch in JSON", () => {
  const batch = (...items: string[]) => {
    const message = read(BatchRecordOutcomesRequestSchema, `{"requests":[${items.join(",")}]}`);
    expect(errorOf(message)).toBeUndefined();
    return (message as BatchRecordOutcomesRequest).requests;
  };

  it("keeps every item that can be read, and names the field of every other", () => {
    const requests = batch(
      good,
      `{"generationId":"${generationId}","occurredAt":"2026-01-01T00:00:00","ci":{"passed":true}}`,
      "null",
      '"text"',
      `{"custom":{"metrics":{"a":1,"a":2}}}`,
      good,
    );
    expect(requests.map((item) => errorOf(item)?.violations[0]?.field)).toEqual([
      undefined,
      "occurred_at",
      "request",
      "request",
      "custom.metrics.a",
      undefined,
    ]);
    expect(requests[5]).toMatchObject({ generationId, outcome: { case: "ci" } });
  });

  it("of more items than a batch may have is not looked at item by item", () => {
    const requests = batch(...Array<string>(1_001).fill('{"no":1,"no":1}'));
    expect(requests).toHaveLength(1_001);
    expect(requests.some((item) => errorOf(item) !== undefined)).toBe(false);
  });

  it("fails as a whole when something else of it is wrong", () => {
    const message = read(BatchRecordOutcomesRequestSchema, `{"requests":[${good}],"more":1}`);
    expect(errorOf(message)?.violations[0]?.field).toBe("more");
  });
});
