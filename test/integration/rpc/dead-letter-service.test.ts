import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { DeadLetterService } from "../../../src/gen/bandit/v1/dead_letter_service_pb.ts";
import { sampleDeadLetter } from "./fake-bandit-service.ts";
import { callJson, useRpcServers } from "./rpc-servers.ts";

const servers = useRpcServers();

const { method } = DeadLetterService;
const id = sampleDeadLetter.id;
const call = (rpc: Parameters<typeof callJson>[1], request: JsonObject) =>
  callJson(servers.baseUrl, rpc, request);
const inputs = () => servers.service.calls.map(({ input }) => input);

describe("DeadLetterService", () => {
  it("lists letters without their content, with the total", async () => {
    const { body } = await call(method.listDeadLetters, { kind: "spooled", pageToken: "t" });
    expect(body).toEqual({
      deadLetters: [
        {
          deadLetterId: id,
          kind: "outcomes",
          error: "Cannot parse UUID",
          failedAt: new Date(sampleDeadLetter.failedAtMs).toISOString(),
          attempts: 2,
          contentBytes: 20,
        },
      ],
      nextPageToken: "more",
      total: "7",
    });
    expect(inputs()).toEqual([{ pageSize: 100, pageToken: "t", kind: "spooled" }]);
  });

  it("gives one with its content", async () => {
    const { body } = await call(method.getDeadLetter, { deadLetterId: id });
    expect(body).toMatchObject({
      deadLetter: { deadLetterId: id, content: sampleDeadLetter.content, contentBytes: 20 },
    });
  });

  it("replays and drops, and says what it did", async () => {
    const other = "f".repeat(32);
    const ids = { deadLetterIds: [id, other] };
    expect((await call(method.replayDeadLetters, ids)).body).toEqual({
      replayed: 1,
      unknownIds: [other],
      remaining: "6",
    });
    expect((await call(method.dropDeadLetters, ids)).body).toEqual({
      dropped: 1,
      unknownIds: [other],
    });
    expect(inputs()).toEqual([ids.deadLetterIds, ids.deadLetterIds]);
  });

  it.each([
    ["an id that is none", method.getDeadLetter, { deadLetterId: "'; DROP" }],
    ["an unknown kind", method.listDeadLetters, { kind: "x" }],
    ["a page of none", method.listDeadLetters, { pageSize: 0 }],
    ["a page above a thousand", method.listDeadLetters, { pageSize: 1_001 }],
    ["nothing to drop", method.dropDeadLetters, { deadLetterIds: [] }],
    ["upper case", method.replayDeadLetters, { deadLetterIds: ["A".repeat(32)] }],
    [
      "too many to replay",
      method.replayDeadLetters,
      { deadLetterIds: Array.from({ length: 1_001 }, () => id) },
    ],
  ])("refuses %s before the service sees it", async (_, rpc, request) => {
    expect((await call(rpc, request)).status).toBe(400);
    expect(servers.service.calls).toEqual([]);
  });
});
