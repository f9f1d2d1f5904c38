import { createHook } from "node:async_hooks";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, expect, test, vi } from "vitest";
import { SqliteFile } from "../../../src/adapters/sqlite/sqlite-file.ts";
import {
  type SqliteStateStoreOptions,
  stateFileName,
} from "../../../src/adapters/sqlite/sqlite-state-store.ts";
import type { GenerationId } from "../../../src/domain/ids.ts";
import { drain, rowsOf, totalsOf } from "../../conformance/state-store-harness.ts";
import { closedAfterEach } from "../../support/closed-after-each.ts";
import { startProgram } from "../../support/program.ts";
import {
  book,
  decisionInput,
  newGenerationId,
  recordMany,
  sampleArm,
  silentLogger,
} from "../../support/state-samples.ts";
import { openSqliteState } from "../../support/state-stores.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

let directory: string;
let aheadMs: number;

beforeEach(() => {
  directory = temporaryDirectory();
  aheadMs = 0;
});

const clock = {
  nowMs: () => Date.now() + aheadMs,
  monotonicMs: () => performance.now() + aheadMs,
};
const closing = closedAfterEach();
const open = async (options: Partial<SqliteStateStoreOptions> = {}) =>
  closing(await openSqliteState(directory, { clock, ...options }));

test("what was committed is announced, also where the disk then fails and the call with it", async () => {
  const always = await open({ flush: "always" });
  const announced: number[] = [];
  always.onTotalsChanged(({ totals }) => announced.push(totals.generations));
  const fails = Object.assign(new Error("EIO"), { code: "EIO", syscall: "fdatasync" });
  const flush = vi.spyOn(SqliteFile.prototype, "flush").mockRejectedValueOnce(fails);
  try {
    const report = book(always);
    await expect(report).rejects.toMatchObject({ code: "unavailable" });
  } finally {
    flush.mockRestore();
  }
  expect(await totalsOf(always, sampleArm)).toMatchObject({ totals: { generations: 1 } });
  expect(announced).toEqual([1]);
});

test("everything acknowledged before the process is killed is there, once, when the next one opens", async () => {
  const acknowledged = new Set<GenerationId>();
  for (let life = 0; life < 3; life += 1) {
    for (const id of await writeUntilKilled(500)) acknowledged.add(id);
  }
  const reopened = await open();
  expect(acknowledged.size).toBeGreaterThanOrEqual(1500);
  const rows = rowsOf(await drain(reopened, 10_000)).map((row) => JSON.parse(row));
  const count = (id: GenerationId): number => rows.filter((row) => row.generation_id === id).length;
  for (const id of acknowledged) expect(await reopened.findDecision(id)).toBeDefined();
  for (const id of [...acknowledged].slice(0, 100)) expect(count(id)).toBe(2);
  expect(rows.length).toBe(new Set(rows.map((row) => JSON.stringify(row))).size);
  const outcomes = rows.filter((row) => row.outcome_id !== undefined).length;
  expect((await totalsOf(reopened, sampleArm))?.totals.generations).toBe(outcomes);
});

test("expired records and ledgers make room: the file stops growing", async () => {
  const live = await open();
  const bytesAfter: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    await Promise.all(
      Array.from({ length: 3000 }, async () => {
        const input = decisionInput(newGenerationId(), 3600);
        await live.recordDecision(input);
        const { generationId } = input.record;
        await book(live, { generationId, ttlSeconds: 3600 });
      }),
    );
    await drain(live);
    aheadMs += 3_700_000;
    while ((await live.sweepExpired()) > 0);
    bytesAfter.push(statSync(join(directory, stateFileName)).size);
  }
  expect(bytesAfter.at(-1)).toBeLessThanOrEqual((bytesAfter[2] as number) * 1.1);
});

test("one sweep removes a bounded number of rows", async () => {
  const live = await open();
  await Promise.all(
    Array.from({ length: 5000 }, () => live.recordDecision(decisionInput(newGenerationId(), 60))),
  );
  aheadMs += 200_000;
  const sweeps: number[] = [];
  do sweeps.push(await live.sweepExpired());
  while (sweeps.at(-1) !== 0);
  expect(Math.max(...sweeps)).toBeLessThanOrEqual(200);
  expect(sweeps.reduce((sum, each) => sum + each, 0)).toBe(5000);
});

test("a sweep and a new decision for an expired id in the same turn leave the new decision", async () => {
  const live = await open();
  const input = decisionInput(newGenerationId(), 60);
  await live.recordDecision(input);
  aheadMs += 200_000;
  const [again] = await Promise.all([
    live.recordDecision(input),
    live.sweepExpired(),
    live.sweepExpired(),
  ]);
  expect(again).toBeUndefined();
  expect(await live.findDecision(input.record.generationId)).toEqual(input.record);
});

test("a full store refuses writes with resource_exhausted, still reads, and goes on when drained", async () => {
  const live = await open({ bytesMax: 2 ** 20 });
  const inputs = Array.from({ length: 6000 }, () => decisionInput(newGenerationId(), 60));
  const refusals: unknown[] = [];
  const stored: typeof inputs = [];
  for (let from = 0; from < inputs.length; from += 100) {
    const part = inputs.slice(from, from + 100);
    const results = await Promise.allSettled(part.map((input) => live.recordDecision(input)));
    for (const [index, result] of results.entries()) {
      if (result.status === "rejected") refusals.push(result.reason);
      else stored.push(part[index] as (typeof inputs)[number]);
    }
  }
  expect(stored.length).toBeGreaterThan(500);
  expect(refusals.length).toBeGreaterThan(500);
  expect(refusals[0]).toMatchObject({ code: "resource_exhausted", reason: "STATE_FULL" });
  const last = stored.at(-1) as (typeof inputs)[number];
  expect(await live.findDecision(last.record.generationId)).toEqual(last.record);
  expect(rowsOf(await drain(live))).toEqual(stored.map((input) => input.event.row));
  aheadMs += 200_000;
  while ((await live.sweepExpired()) > 0);
  expect(await live.recordDecision(decisionInput())).toBeUndefined();
});

test("where the disk has less than the log may need, writes are refused, and what is there can be read and drained", async () => {
  const before = await open();
  const known = decisionInput();
  await before.recordDecision(known);
  await before.close();
  const live = await open({ logBytesMax: 2 ** 60 });
  const full = { code: "resource_exhausted", reason: "STATE_FULL" };
  await expect(live.recordDecision(decisionInput())).rejects.toMatchObject(full);
  const { generationId } = known.record;
  await expect(book(live, { generationId })).rejects.toMatchObject(full);
  expect(await live.recordDecision(known)).toEqual(known.record);
  expect(rowsOf(await drain(live))).toEqual([known.event.row]);
});

test("calls beyond the bound are refused at once; those before it are stored", async () => {
  const live = await open({ waitingCallsMax: 10 });
  const calls = Array.from({ length: 15 }, () => live.recordDecision(decisionInput()));
  const codes = (await Promise.allSettled(calls)).map((result) =>
    result.status === "rejected" ? result.reason.code : "stored",
  );
  expect(codes).toEqual([...Array(10).fill("stored"), ...Array(5).fill("resource_exhausted")]);
});

test("a file that is damaged, cut off or somebody else's is refused with a reason; an empty one is new", async () => {
  const path = join(directory, stateFileName);
  const refused = { code: "failed_precondition", reason: "STATE_DAMAGED" };
  for (const content of ["no state".repeat(1000), "\0".repeat(16_384)]) {
    writeFileSync(path, content);
    await expect(open()).rejects.toMatchObject(refused);
  }
  writeFileSync(path, "");
  const live = await open();
  await live.recordDecision(decisionInput());
  await live.close();
  const whole = readFileSync(path);
  writeFileSync(path, whole.subarray(0, 8192));
  await expect(open()).rejects.toMatchObject(refused);
  rmSync(path);
  const foreign = new DatabaseSync(path);
  foreign.exec("CREATE TABLE notes (text TEXT)");
  foreign.close();
  await expect(open()).rejects.toMatchObject(refused);
  writeFileSync(path, whole);
  expect(await drain(await open())).toHaveLength(1);
});

/** Requests to the file system that were begun while `work` ran: writes are SQLite's own, so they are flushes. */
async function flushesDuring(work: () => Promise<unknown>): Promise<number> {
  let begun = 0;
  const hook = createHook({
    init: (_, type) => {
      if (type === "FSREQCALLBACK") begun += 1;
    },
  }).enable();
  await work();
  hook.disable();
  return begun;
}

test("with always each answer waits for a flush, those of one turn for one; a repeat waits for the first one's", async () => {
  const live = await open({ flush: "always" });
  const [first, second] = [decisionInput(), decisionInput()];
  const both = (): Promise<unknown> =>
    Promise.all([live.recordDecision(first), live.recordDecision(second)]);
  expect(await flushesDuring(both)).toBe(1);
  expect(await flushesDuring(() => live.recordDecision(decisionInput()))).toBe(1);
  const { generationId } = first.record;
  const booking = () => book(live, { generationId });
  expect(await flushesDuring(booking)).toBe(1);
  expect(await booking()).toEqual({ status: "duplicate" });
});

test("with everysec no answer waits, the disk has it about a second later, and a batch before it is handed out", async () => {
  const live = await open();
  await live.recordDecision(decisionInput());
  const some = async (): Promise<void> => {
    for (let count = 0; count < 5; count += 1) await live.recordDecision(decisionInput());
  };
  const startedAt = performance.now();
  const flushes = await flushesDuring(some);
  expect(flushes).toBeLessThanOrEqual(Math.ceil((performance.now() - startedAt) / 1000));
  expect(await flushesDuring(() => live.readOutbox({ rowsMax: 1 }))).toBe(1);
  await live.recordDecision(decisionInput());
  const wait = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 1300));
  expect(await flushesDuring(wait)).toBe(1);
  // What is on disk is not flushed again.
  expect(await flushesDuring(wait)).toBe(0);
});

test("the log keeps to its bound under load, also after somebody who reads the file has held it up", async () => {
  const logBytesMax = 2 ** 20;
  const warn = vi.fn();
  const live = await open({ logBytesMax, logger: { ...silentLogger, warn } });
  const logBytes = (): number => statSync(join(directory, `${stateFileName}-wal`)).size;
  const write = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left -= 100) {
      await recordMany(live, 100);
    }
  };
  await write(20_000);
  expect(warn).not.toHaveBeenCalled();
  // Twice the bound, and a group of 100.
  expect(logBytes()).toBeLessThan(2 * logBytesMax + 500_000);
  const reader = new DatabaseSync(join(directory, stateFileName));
  reader.exec("BEGIN; SELECT count(*) FROM decision");
  await write(10_000);
  expect(warn).toHaveBeenCalledWith(expect.stringContaining("keeps growing"), expect.anything());
  const grown = logBytes();
  expect(grown).toBeGreaterThan(3 * logBytesMax);
  reader.close();
  await write(30_000);
  expect(logBytes()).toBeLessThanOrEqual(grown + 2 * logBytesMax + 500_000);
  const found = await live.outboxState();
  expect(found.rows).toBe(60_000);
});

/** Runs a process that writes, kills it once it has acknowledged that many, and returns what it acknowledged. */
async function writeUntilKilled(acknowledgedMin: number): Promise<GenerationId[]> {
  const writer = startProgram("state-writer", [directory]);
  const acknowledged: GenerationId[] = [];
  for await (const line of writer.lines) {
    if (acknowledged.push(line as GenerationId) === acknowledgedMin) void writer.kill();
  }
  return acknowledged;
}
