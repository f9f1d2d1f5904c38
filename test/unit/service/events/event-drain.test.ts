import { expect, test } from "vitest";
import { BanditError } from "../../../../src/domain/errors.ts";
import type { AppendInput, EventLog } from "../../../../src/ports/event-log.ts";
import type { Outbox, OutboxEntry } from "../../../../src/ports/state-store.ts";
import { EventDrain } from "../../../../src/service/events/event-drain.ts";
import { silentLogger, testClock } from "../../../support/clickhouse-event-samples.ts";
import { eventWriterTo } from "../../../support/event-writer.ts";

const appendBytesMax = 2 * 1024 * 1024;
const telemetry = { count: () => undefined, gauge: () => undefined, observeMs: () => undefined };

/** A drain between an outbox and a log that are arrays; `fail` decides about each append after it was noted. */
function drainOf(outbox: OutboxEntry[], fail: (input: AppendInput) => boolean = () => false) {
  const appended: AppendInput[] = [];
  /** Entries of the batch that was given out and is not confirmed. */
  let given = 0;
  const state: Outbox = {
    readOutbox: async ({ rowsMax }) => {
      given ||= Math.min(rowsMax, outbox.length);
      const [first, ...rest] = outbox.slice(0, given);
      return first && { id: `batch-${first.id}`, entries: [first, ...rest] };
    },
    confirmOutbox: async ({ entries }) => {
      outbox.splice(0, entries.length);
      given = 0;
    },
    outboxState: async () => ({ entries: outbox.length, rows: outbox.length, bytes: 0 }),
  };
  const eventLog: Pick<EventLog, "append"> = {
    append: async (input) => {
      appended.push(input);
      if (fail(input)) throw new BanditError("unavailable", "as told", { reason: "TEST_FAULT" });
    },
  };
  const drain = new EventDrain({
    state,
    writer: eventWriterTo(eventLog),
    clock: testClock,
    telemetry,
    logger: silentLogger,
    entropy: { fill: () => undefined },
    spilled: undefined,
    intervalMs: 1_000,
    rowsMax: 2_000,
  });
  return { drain, appended };
}

const entry = (id: number, rows: string, stream: OutboxEntry["stream"] = "generations") => ({
  id: String(id),
  stream,
  rows,
  rowCount: 1,
});

test("an append has 2 MiB at most, entries stay whole and in order, one bigger than that goes alone", async () => {
  const large = "ä".repeat(200 * 1024);
  const contents = Array.from({ length: 20 }, (_, index) => `${index}:${large}`);
  contents[9] = large.repeat(10);
  const { drain, appended } = drainOf(contents.map((rows, index) => entry(index, rows)));
  await drain.flush();
  expect(appended.map(({ rows }) => rows).join("\n") === contents.join("\n")).toBe(true);
  const sizes = appended.map(({ rows }) => Buffer.byteLength(rows));
  expect(sizes.filter((bytes) => bytes > appendBytesMax)).toEqual([10 * 400 * 1024]);
  expect(appended.length).toBeLessThan(8);
  expect(new Set(appended.map(({ deduplicationToken }) => deduplicationToken)).size).toBe(
    appended.length,
  );
});

test("after a failure exactly the appends that are not confirmed are repeated, newer entries or not", async () => {
  const outbox = [entry(1, "d", "decisions"), entry(2, "o", "outcomes")];
  let failing = true;
  const { drain, appended } = drainOf(outbox, ({ stream }) => failing && stream === "outcomes");
  await expect(drain.flush()).rejects.toMatchObject({ reason: "TEST_FAULT" });
  outbox.push(entry(3, "d2", "decisions"), entry(4, "o2", "outcomes"));
  await expect(drain.flush()).rejects.toMatchObject({ reason: "TEST_FAULT" });
  failing = false;
  await drain.flush();
  expect(appended.map(({ rows }) => rows)).toEqual(["d", "o", "o", "o", "d2", "o2"]);
  const repeats = appended.slice(1, 4).map(({ deduplicationToken }) => deduplicationToken);
  expect(new Set(repeats).size).toBe(1);
  expect(outbox).toEqual([]);
});
