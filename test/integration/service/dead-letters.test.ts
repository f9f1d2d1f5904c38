import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  connectClickHouseEventLog,
  openChdbEventLog,
} from "../../../src/adapters/clickhouse/open-event-log.ts";
import { describeDeadLetters, sampleLetter } from "../../conformance/dead-letters-conformance.ts";
import { silentLogger, testClock } from "../../support/clickhouse-event-samples.ts";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const base = { clock: testClock, logger: silentLogger };

const directory = temporaryDirectory();
describeDeadLetters("chDB", async () => {
  const { eventLog, deadLetters, migrator } = await openChdbEventLog({ ...base, directory });
  await migrator.migrate();
  return { deadLetters, close: () => eventLog.close() };
});

let front: ClickHouseFront;
beforeAll(async () => {
  front = await startClickHouseFront();
});
afterAll(() => front.stop());

async function connect(database: string) {
  const url = `${front.url}/${database}`;
  const opened = connectClickHouseEventLog({ ...base, url, requestTimeoutMs: 5_000 });
  await opened.migrator.migrate();
  return opened;
}

describeDeadLetters("a ClickHouse server", async () => {
  const { eventLog, deadLetters } = await connect("conformance");
  return { deadLetters, close: () => eventLog.close() };
});

describe("dead letters on a ClickHouse server in trouble", () => {
  test.each(["refused_by_proxy", "busy", "cut_before", "cut_after"] as const)(
    "every method that meets %s is unavailable, and repeating it leaves what doing it once leaves",
    async (kind) => {
      const { eventLog, deadLetters } = await connect(`trouble_${kind}`);
      const letter = sampleLetter(1);
      const failing = async <Result>(work: () => Promise<Result>): Promise<Result> => {
        front.failNext(kind);
        await expect(work()).rejects.toMatchObject({
          code: "unavailable",
          reason: "EVENT_LOG_UNAVAILABLE",
        });
        return work();
      };
      await failing(() => deadLetters.add([letter]));
      expect(await failing(() => deadLetters.find(letter.id))).toEqual(letter);
      expect(await failing(() => deadLetters.list({ limit: 10 }))).toHaveLength(1);
      expect(await failing(() => deadLetters.count())).toBe(1);
      await failing(() => deadLetters.resolve([letter.id], "replayed"));
      expect(await deadLetters.count()).toBe(0);
      await eventLog.close();
    },
  );

  test("an answer to the insert itself that is lost does not lose the letter", async () => {
    const { eventLog, deadLetters } = await connect("lost_answer");
    const before = front.statements().length;
    const adding = deadLetters.add([sampleLetter(1)]);
    // The first statement reads what there is; the next one inserts.
    while (front.statements().length === before) await nextTurn();
    front.failNext("cut_after");
    await expect(adding).rejects.toMatchObject({ code: "unavailable" });
    expect(await deadLetters.count()).toBe(1);
    await deadLetters.add([sampleLetter(1)]);
    expect(await deadLetters.count()).toBe(1);
    expect(await deadLetters.find(sampleLetter(1).id)).toEqual(sampleLetter(1));
    await eventLog.close();
  });
});
