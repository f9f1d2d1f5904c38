import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { parseVariantId } from "../../../../src/domain/ids.ts";
import type { Variant } from "../../../../src/domain/variant.ts";
import {
  GetModeRequestSchema,
  GetModeResponseSchema,
} from "../../../../src/gen/bandit/v1/catalog_service_pb.ts";
import {
  ExplainGenerationResponseSchema,
  QueryResponseSchema,
} from "../../../../src/gen/bandit/v1/insight_service_pb.ts";
import { VariantSchema } from "../../../../src/gen/bandit/v1/variant_pb.ts";
import { catalogHandlers } from "../../../../src/rpc/handlers/catalog-handlers.ts";
import { answerBytesMax, readPage, VariantRoom } from "../../../../src/rpc/messages/answer-room.ts";
import {
  explainGenerationResponse,
  queryResponse,
} from "../../../../src/rpc/messages/insight-messages.ts";
import { variantMessage } from "../../../../src/rpc/messages/variant-messages.ts";
import type { CallContext } from "../../../../src/service/api/call-context.ts";
import type { CatalogApi } from "../../../../src/service/api/catalog.ts";
import type { Explanation } from "../../../../src/service/api/insight.ts";
import { pageOf } from "../../../../src/service/api/page.ts";
import { sampleDecision, sampleOutcome } from "../../../support/clickhouse-event-samples.ts";

const variant = (index: number, characters: number): Variant => ({
  id: parseVariantId(`evolution/v@${index + 1}`),
  ...{ agentType: "evolution" as Variant["agentType"], name: "v", version: index + 1 },
  ...{ status: "active", isBaseline: false, description: "", createdBy: "human" },
  ...{ promptTemplate: "é".repeat(characters), model: "", parameters: {} },
  ...{ createdAtMs: 0, updatedAtMs: 0, etag: "1" },
});

describe("an answer is never larger than a client of gRPC takes", () => {
  it.each<[string, unknown]>([
    ["numbers", 1],
    ["texts", "x".repeat(40)],
    ["lists of empty texts", Array(20).fill("")],
    ["objects", { é: [null, true, 1.5, "ü"] }],
  ])("of a query with many rows of %s", (_what, value) => {
    const rows = Array.from({ length: 400_000 }, () => [value]);
    const message = queryResponse({ columns: [], rows, truncated: false, elapsedMs: 1 });
    const bytes = toBinary(QueryResponseSchema, message).length;
    expect(bytes).toBeLessThanOrEqual(answerBytesMax);
    expect(bytes).toBeGreaterThan(answerBytesMax / 4);
    expect(message.truncated).toBe(true);
  });

  it("of a query that fits nothing is cut, and a row that fits nowhere is refused", () => {
    const result = { columns: [], rows: [["a"], ["b"]], truncated: false, elapsedMs: 1 };
    expect(queryResponse(result)).toMatchObject({ rows: { length: 2 }, truncated: false });
    const large = { ...result, rows: [["x".repeat(answerBytesMax)]] };
    expect(() => queryResponse(large)).toThrow(
      expect.objectContaining({ code: "resource_exhausted", reason: "QUERY_TOO_LARGE" }),
    );
  });

  it("of the modes, which count the agent types that they leave out", async () => {
    const agentTypes = Array.from({ length: 80_000 }, (_, index) => ({
      agentType: `agent-type-with-a-name-of-sixty-four-characters-${index}`.padEnd(64, "-"),
      mode: "learning",
    }));
    const getMode = async () => ({ serviceMode: "frozen", agentTypes });
    const handlers = catalogHandlers({ getMode } as unknown as CatalogApi);
    const message = await handlers.getMode(create(GetModeRequestSchema), {} as CallContext);
    expect(toBinary(GetModeResponseSchema, message).length).toBeLessThanOrEqual(answerBytesMax);
    expect(message.agentTypesLeftOut).toBe(agentTypes.length - message.agentTypes.length);
    expect(message.agentTypes.length).toBeGreaterThan(50_000);
  });

  it("of an explanation, which counts the outcomes that it leaves out", () => {
    const outcomes = Array.from({ length: 2_000 }, (_, index) =>
      sampleOutcome({ outcome_id: `o${index}`, comment: "é".repeat(2_048) }),
    );
    const message = explainGenerationResponse({
      history: { decision: sampleDecision({}), outcomes },
      ...{ draw: 0.5, arms: [], rederivedVariantId: "", consistent: true },
    } as unknown as Explanation);
    expect(toBinary(ExplainGenerationResponseSchema, message).length).toBeLessThanOrEqual(
      answerBytesMax,
    );
    expect(message.outcomes.length).toBeGreaterThan(900);
    expect(message.outcomes.length + message.outcomesLeftOut).toBe(2_000);
  });

  it("of a page, which is shorter, and the next one goes on where it ends", async () => {
    const variants = Array.from({ length: 100 }, (_, index) => variant(index, 65_536));
    const sorted = variants.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const seen: string[] = [];
    for (let pageToken = ""; ; ) {
      const { page, messages } = await readPage(
        VariantSchema,
        { pageSize: 100, pageToken },
        {
          list: async (request) => pageOf(sorted, ({ id }) => id, request),
          message: variantMessage,
        },
      );
      const bytes = messages.reduce((sum, one) => sum + toBinary(VariantSchema, one).length, 0);
      expect(bytes).toBeLessThan(answerBytesMax);
      seen.push(...messages.map(({ variantId }) => variantId));
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    expect(seen).toEqual(sorted.map(({ id }) => id));
  });
});

describe("the room for the variants of a batch", () => {
  it("is taken once by an item that asks twice, and given to others when a small one is served", () => {
    const room = new VariantRoom(30);
    const [large, small] = [variant(1, 65_536), variant(2, 1)] as const;
    const first = room.forItem();
    for (let time = 0; time < 100; time += 1) first(large);
    first(small);
    let served = 0;
    expect(() => {
      for (;;) {
        room.forItem()(large);
        served += 1;
      }
    }).toThrow(
      expect.objectContaining({
        ...{ code: "resource_exhausted", reason: "ANSWER_FULL" },
        // An earlier one may be there.
        message: expect.stringContaining("no new decision was made for this item"),
      }),
    );
    expect(served).toBe(30);
    room.forItem()(small);
  });
});
