import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectClickHouseEventLog } from "../../../src/adapters/clickhouse/open-event-log.ts";
import type { AgentType } from "../../../src/domain/ids.ts";
import { expectBanditError, expectUnavailable } from "../../conformance/catalogue-fixture.ts";
import { describeEventLog } from "../../conformance/event-log-conformance.ts";
import {
  asLines,
  sampleDecision,
  sampleGenerationId,
  silentLogger,
  testClock,
} from "../../support/clickhouse-event-samples.ts";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";

const base = { clock: testClock, logger: silentLogger };
let front: ClickHouseFront;
let databases = 0;

beforeAll(async () => {
  front = await startClickHouseFront();
});
afterAll(async () => {
  await front.stop();
});

async function connect(options: { url?: string; requestTimeoutMs?: number } = {}) {
  databases += 1;
  const url = `${front.url}/test_${databases}`;
  return connectClickHouseEventLog({ ...base, url, ...options });
}

describeEventLog("a ClickHouse server", async () => {
  const { eventLog, migrator } = await connect();
  await migrator.migrate();
  return { eventLog, close: () => eventLog.close() };
});

describe("a ClickHouse server in trouble", () => {
  type Log = Awaited<ReturnType<typeof connect>>;
  let log: Log;
  /** The same database, for what must succeed on a busy machine too. */
  let patient: Log;
  beforeAll(async () => {
    const url = `${front.url}/trouble`;
    log = await connect({ url, requestTimeoutMs: 700 });
    patient = await connect({ url, requestTimeoutMs: 20_000 });
    await patient.migrator.migrate();
  });
  afterAll(async () => {
    await Promise.all([log.eventLog.close(), patient.eventLog.close()]);
  });

  const append = (space: number, { eventLog } = log) =>
    eventLog.append({
      stream: "decisions",
      rows: asLines([sampleDecision({ generation_id: sampleGenerationId(0, space) })]),
      deduplicationToken: `token-${space}`,
    });
  const count = async (space: number) => {
    const id = sampleGenerationId(0, space);
    const result = await patient.eventLog.query({
      sql: `SELECT count() FROM decisions WHERE generation_id = '${id}'`,
      rowsMax: 1,
      timeoutMs: 5_000,
    });
    return result.rows[0]?.[0];
  };
  const failures = [
    "refused_by_proxy",
    "busy",
    "hang",
    "cut_before",
    "cut_after",
    "cut_mid_reply",
  ] as const;

  test.each(failures.map((kind, index) => ({ kind, space: 0x20 + index })))(
    "an append that meets $kind is unavailable, and repeating it inserts exactly once",
    async ({ kind, space }) => {
      front.failNext(kind);
      await expect(append(space)).rejects.toMatchObject({
        code: "unavailable",
        reason: "EVENT_LOG_UNAVAILABLE",
        retryable: true,
        cause: expect.anything(),
      });
      await append(space, patient);
      expect(await count(space)).toBe("1");
    },
  );

  test.each(failures.filter((kind) => kind !== "hang"))(
    "a query that meets %s is unavailable",
    async (kind) => {
      front.failNext(kind);
      await expect(count(1)).rejects.toMatchObject({ code: "unavailable" });
    },
  );

  test("a query that is not answered is over at its deadline", async () => {
    front.failNext("hang");
    await expect(
      log.eventLog.query({ sql: "SELECT 1", rowsMax: 1, timeoutMs: 200 }),
    ).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  const reads: Record<string, { calls: number; read: () => Promise<unknown> }> = {
    // It asks three tables at the same time.
    "look-up": { calls: 3, read: () => log.eventLog.findGeneration(sampleGenerationId(9)) },
    ping: { calls: 1, read: () => log.eventLog.ping() },
    list: {
      calls: 1,
      read: () =>
        log.eventLog.listWithoutOutcome({
          agentType: "evolution" as AgentType,
          codeTypes: { except: [] },
          decidedFromMs: 0,
          decidedToMs: 1,
          limit: 1,
        }),
    },
  };

  describe.each(Object.entries(reads))("a %s", (_, { calls, read }) => {
    test.each(failures)("that meets %s is unavailable", async (kind) => {
      for (let call = 0; call < calls; call += 1) front.failNext(kind);
      await expectBanditError(read(), "unavailable");
    });
  });

  test("a ping that is not answered fails after a second, whatever other calls may take", async () => {
    front.failNext("hang");
    await expectUnavailable(patient.eventLog.ping(), 3_000);
  });

  test("a missing table keeps rows waiting instead of refusing them", async () => {
    const unmigrated = await connect();
    await expectBanditError(append(0, unmigrated), "unavailable");
    await unmigrated.eventLog.close();
  });

  test("a wrong password is unavailable and is not repeated in the message", async () => {
    const url = new URL(`${front.url}/test_1`);
    url.password = "wr0ng";
    const { eventLog } = await connect({ url: url.href });
    const { message } = await expectBanditError(eventLog.ping(), "unavailable");
    expect(message).not.toContain("wr0ng");
    await eventLog.close();
  });

  test("a port where nobody listens is unavailable", async () => {
    const { eventLog, migrator } = await connect({ url: "http://127.0.0.1:1/x" });
    await expect(eventLog.ping()).rejects.toMatchObject({ code: "unavailable" });
    await expect(migrator.migrate()).rejects.toMatchObject({ code: "unavailable" });
    await eventLog.close();
  });
});
