import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { BanditError } from "../../../../src/domain/errors.ts";
import type { AppendInput, EventLog } from "../../../../src/ports/event-log.ts";
import type { Outbox, OutboxEntry } from "../../../../src/ports/state-store.ts";
import type { EventAppend } from "../../../../src/service/events/event-appends.ts";
import { EventDrain } from "../../../../src/service/events/event-drain.ts";
import type { SpilledEvents } from "../../../../src/service/events/spilled-events.ts";
import { testClock } from "../../../support/clickhouse-event-samples.ts";
import { eventWriterTo } from "../../../support/event-writer.ts";
import { silentLogger, silentTelemetry } from "../../../support/state-samples.ts";

const appendBytesMax = 2 * 1024 * 1024;
/** A disk for spilled events that is an array. */
function diskOf(appends: EventAppend[]): SpilledEvents {
  const disk: Pick<SpilledEvents, "first" | "remove" | "count" | "isEmpty"> = {
    first: () => appends[0] && { ...appends[0], oldestAtMs: 0, id: 0 },
    async remove({ token }) {
      appends.splice(0, 1, ...(appends[0]?.token === token ? [] : appends.slice(0, 1)));
    },
    get count() {
      return appends.length;
    },
    get isEmpty() {
      return appends.length === 0;
    },
  };
  return disk as SpilledEvents;
}

const onDisk = (id: number, rows: string): EventAppend => ({
  ...{ token: `disk-${id}`, stream: "outcomes", rows, rowCount: 1, entryCount: 1 },
});

/** A drain between an outbox and a log that are arrays; `fail` decides about each append after it was noted. */
function drainOf(
  outbox: OutboxEntry[],
  fail: (input: AppendInput) => boolean = () => false,
  { spilled, rowsMax = 2_000 }: { spilled?: EventAppend[]; rowsMax?: number } = {},
) {
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
      await nextTurn();
      appended.push(input);
      if (fail(input)) throw new BanditError("unavailable", "as told", { reason: "TEST_FAULT" });
    },
  };
  const drain = new EventDrain({
    state,
    writer: eventWriterTo(eventLog),
    clock: testClock,
    telemetry: silentTelemetry,
    logger: silentLogger,
    entropy: { fill: () => undefined },
    spilled: spilled && diskOf(spilled),
    intervalMs: 1_000,
    rowsMax,
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

test("a flush ends though spilling goes on: it waits for what was on disk, and for no more", async () => {
  const spilled = [onDisk(1, "s1"), onDisk(2, "s2")];
  let next = 3;
  const { drain, appended } = drainOf(
    [entry(1, "o1")],
    () => {
      spilled.push(onDisk(next, `s${next}`));
      next += 1;
      return false;
    },
    { spilled },
  );
  await drain.flush();
  expect(appended.slice(0, 2).map(({ rows }) => rows)).toEqual(["s1", "s2"]);
  // The one in the outbox stands behind those on disk, so one of the later ones is waited for in its place.
  expect(appended.length).toBeLessThanOrEqual(3);
});

test("a flush waits for events that are moved from the outbox to the disk meanwhile", async () => {
  const outbox = [entry(1, "o1"), entry(2, "o2"), entry(3, "o3")];
  const spilled: EventAppend[] = [];
  let moved = 0;
  const { drain, appended } = drainOf(
    outbox,
    () => {
      // Once the first is written: the others move, and newer ones come to the outbox without end.
      if (moved === 0) spilled.push(onDisk(2, "o2"), onDisk(3, "o3"));
      if (moved === 0) outbox.splice(1, 2);
      moved += 1;
      outbox.push(entry(100 + moved, `n${moved}`));
      return false;
    },
    { spilled, rowsMax: 1 },
  );
  await drain.flush();
  const rows = appended.map((input) => input.rows);
  expect(rows.slice(0, 3)).toEqual(["o1", "o2", "o3"]);
  expect(rows.length).toBe(3);
});

test("a flush has its turn though a backlog is being drained that does not become shorter", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const outbox = [entry(1, "o1"), entry(2, "o2")];
    let next = 3;
    const { drain, appended } = drainOf(
      outbox,
      () => {
        outbox.push(entry(next, `o${next}`));
        next += 1;
        return false;
      },
      { rowsMax: 1 },
    );
    drain.start();
    vi.advanceTimersByTime(1_000);
    while (appended.length < 10) await nextTurn();
    await drain.flush();
    await drain.stop();
  } finally {
    vi.useRealTimers();
  }
});

test("the newest failure to write is known until a write succeeds, since when the first one happened", async () => {
  let isAway = true;
  const { drain } = drainOf([entry(1, "{}")], () => isAway);
  expect(drain.writeProblem).toBeUndefined();
  await expect(drain.flush()).rejects.toThrow("as told");
  const { sinceMs } = drain.writeProblem ?? {};
  await expect(drain.flush()).rejects.toThrow("as told");
  expect(drain.writeProblem).toMatchObject({ sinceMs, error: { reason: "TEST_FAULT" } });
  isAway = false;
  await drain.flush();
  expect(drain.writeProblem).toBeUndefined();
});
