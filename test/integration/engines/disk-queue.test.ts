import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SqliteDiskQueue } from "../../../src/adapters/sqlite/sqlite-disk-queue.ts";
import type { DiskRecord } from "../../../src/ports/disk-queue.ts";
import { startProgram } from "../../support/program.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

let directory: string;
let queue: SqliteDiskQueue | undefined;

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(async () => {
  await queue?.close();
  queue = undefined;
});

function open(bytesMax = 2 ** 20): SqliteDiskQueue {
  queue = SqliteDiskQueue.open({ directory, bytesMax });
  return queue;
}

async function reopen(bytesMax?: number): Promise<SqliteDiskQueue> {
  await queue?.close();
  return open(bytesMax);
}

const record = (key: string, text = `text of ${key}`) => ({ key, text });
const keysOf = (records: readonly DiskRecord[]): string[] => records.map(({ key }) => key);
const all = { bytesMax: 2 ** 40 };

test("records come out in the order in which they went in, over a restart too, with ids that are never used twice", async () => {
  const first = open();
  await Promise.all([first.append([record("a"), record("b")]), first.append([record("c")])]);
  const ids = first.read(all).map(({ id }) => id);
  await first.remove(ids);
  const second = await reopen();
  await second.append([record("d")]);
  await second.append([record("a", "anew")]);
  const found = second.read(all);
  expect(found.map(({ key, text }) => [key, text])).toEqual([
    ["d", "text of d"],
    ["a", "anew"],
  ]);
  const later = found.map(({ id }) => id);
  expect(Math.min(...later)).toBeGreaterThan(Math.max(...ids));
  expect(second.read({ ...all, afterId: later[0] as number })).toEqual(found.slice(1));
});

test("a record whose key is there already is left as it is", async () => {
  const live = open();
  await Promise.all([
    live.append([record("a", "first"), record("a", "second")]),
    live.append([record("a", "third"), record("b")]),
  ]);
  await live.append([record("b", "again")]);
  expect(live.find("a")).toMatchObject({ key: "a", text: "first" });
  expect(live.find("b")).toMatchObject({ text: "text of b" });
  expect(live.find("c")).toBeUndefined();
  expect([live.has("a"), live.has("c")]).toEqual([true, false]);
  expect(live.size.records).toBe(2);
});

test("what is removed and added again in the same turn is there", async () => {
  const live = open();
  await live.append([record("a", "old"), record("b")]);
  const [old] = live.read(all) as [DiskRecord];
  await Promise.all([live.remove([old.id, old.id]), live.append([record("a", "new")])]);
  await live.remove([old.id]);
  expect(live.read(all).map(({ text }) => text)).toEqual(["text of b", "new"]);
  expect(live.size).toEqual({ records: 2, bytes: 1 + 9 + 1 + 3, bytesMax: 2 ** 20 });
});

test("the bound is exact in bytes of UTF-8, an append is stored whole or not at all, and room that was made is used", async () => {
  const live = open(20);
  await live.append([record("k", "é".repeat(7))]);
  expect(live.size).toEqual({ records: 1, bytes: 15, bytesMax: 20 });
  const full = { code: "resource_exhausted", reason: "DISK_QUEUE_FULL", retryAfterMs: 1000 };
  await expect(live.append([record("a", "1"), record("b", "234")])).rejects.toMatchObject(full);
  expect(live.has("a")).toBe(false);
  await live.append([record("a", "1"), record("b", "23")]);
  expect(live.size.bytes).toBe(20);
  await expect(live.append([record("c", "")])).rejects.toMatchObject(full);
  await live.append([record("b", "is there already, so it takes nothing")]);
  await live.remove([live.read(all)[0]?.id as number]);
  await live.append([record("c", "x".repeat(14))]);
  expect((await reopen(20)).size).toEqual({ records: 3, bytes: 20, bytesMax: 20 });
});

test("a reading stops at its bound, but gives a record at least", async () => {
  const live = open();
  await live.append(["a", "b", "c"].map((key) => record(key, key.repeat(1000))));
  expect(keysOf(live.read({ bytesMax: 2100 }))).toEqual(["a", "b"]);
  expect(keysOf(live.read({ bytesMax: 1 }))).toEqual(["a"]);
});

test("after closing, which may be done twice, nothing is taken any more", async () => {
  const live = open();
  const last = live.append([record("a")]);
  await Promise.all([live.close(), live.close(), last]);
  const closed = { code: "unavailable", reason: "DISK_QUEUE_CLOSED" };
  await expect(live.append([record("b")])).rejects.toMatchObject(closed);
  expect(() => live.has("a")).toThrow("closed");
  expect(keysOf((await reopen()).read(all))).toEqual(["a"]);
});

test("more than may wait for the disk is refused at once, and what waited is stored", async () => {
  queue = SqliteDiskQueue.open({ directory, bytesMax: 2 ** 20, waitingBytesMax: 25 });
  const live = queue;
  const results = await Promise.allSettled(
    ["a", "b", "c"].map((key) => live.append([record(key, "0123456789")])),
  );
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect(keysOf(live.read(all))).toEqual(["a", "b"]);
});

test("a file that is damaged or cut off is refused with a reason, instead of ending the process", async () => {
  const path = join(directory, "queue.sqlite");
  const refused = expect.objectContaining({ reason: "DISK_QUEUE_NOT_OPENED" });
  for (const content of ["x".repeat(5000), "no queue".repeat(2000), "\0".repeat(16_384)]) {
    writeFileSync(path, content);
    expect(() => open()).toThrow(refused);
  }
  // What a crash leaves that came between making the file and its first page.
  writeFileSync(path, "");
  await open().append([record("a")]);
  await reopen();
  await queue?.close();
  truncateSync(path, 4096);
  expect(() => open()).toThrow(refused);
});

test("a place that cannot hold a queue is refused with a reason", () => {
  expect(() => SqliteDiskQueue.open({ directory: "/dev/null/queue", bytesMax: 2 ** 20 })).toThrow(
    expect.objectContaining({ reason: "DISK_QUEUE_NOT_OPENED" }),
  );
});

test("every append that was acknowledged before a SIGKILL is there when the queue is opened again, whole and once", async () => {
  const acknowledged = new Set<string>();
  const removed = new Set<string>();
  for (let life = 0; life < 3; life += 1) {
    const { lines } = await runWriter({ killAfterLines: 1500 });
    for (const key of keysWith("+", lines)) acknowledged.add(key);
    for (const key of keysWith("-", lines)) removed.add(key);
  }
  const live = open();
  const found = live.read(all);
  const keys = new Set(keysOf(found));
  expect(acknowledged.size).toBeGreaterThan(1000);
  expect([...acknowledged].filter((key) => !keys.has(key) && !removed.has(key))).toEqual([]);
  expect(keys.size).toBe(found.length);
  for (const { key, text } of found) expect(text).toBe(`${key}:`.padEnd(200, key));
  const bytes = found.reduce((sum, { key, text }) => sum + key.length + text.length, 0);
  expect(live.size).toMatchObject({ records: found.length, bytes });
  // The comparison would notice: a key that was never stored is missing.
  expect(keys.has("never")).toBe(false);
});

test("a disk without room refuses appends, leaves nothing half-written, and lets the process live and remove", async () => {
  // The limit on the size of a file stands for the full disk: writes end short, as they do there.
  const { lines, exitCode } = await runWriter({ fileKilobytesMax: 2000, bytesPerRecord: 5000 });
  expect(exitCode).toBe(0);
  expect(lines).toContain("!DISK_QUEUE_FULL");
  expect(lines.at(-1)).toBe("+after");
  const added = keysWith("+", lines);
  const removed = new Set(keysWith("-", lines));
  const live = open(2 ** 30);
  const found = live.read(all);
  expect(added.length).toBeGreaterThan(100);
  const keys = new Set(keysOf(found));
  expect(added.filter((key) => !keys.has(key) && !removed.has(key))).toEqual([]);
  for (const { key, text } of found) expect(text).toBe(`${key}:`.padEnd(5000, key));
  await live.append([record("room again")]);
  expect(live.has("room again")).toBe(true);
});

test.each([200, 600, 3000])(
  "a queue of records of %i bytes that has filled its disk empties itself, many at once as ever",
  async (bytesPerRecord) => {
    const { lines, exitCode } = await runWriter({
      fileKilobytesMax: 4000,
      bytesPerRecord,
      removedBytes: 128 * 1024,
    });
    expect(exitCode).toBe(0);
    expect(lines).toContain("!DISK_QUEUE_FULL");
    expect(lines.at(-1)).toBe("+after");
    const added = keysWith("+", lines);
    expect(added.length).toBeGreaterThan(500);
    expect(new Set(keysWith("-", lines))).toEqual(new Set(added.slice(0, -1)));
    expect(keysOf(open(2 ** 30).read(all))).toEqual(["after"]);
  },
);

/** Keys that the process said to have added (+), or removed (-). */
const keysWith = (sign: string, lines: readonly string[]) =>
  lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(1));

/** Runs a process that writes until it is killed, or its disk is full, and returns what it said. */
async function runWriter(options: {
  killAfterLines?: number;
  fileKilobytesMax?: number;
  bytesPerRecord?: number;
  /** When full, everything is removed, so much at once. */
  removedBytes?: number;
}): Promise<{ lines: string[]; exitCode: number | null }> {
  const { bytesPerRecord = 200, removedBytes = "" } = options;
  const args = [directory, `${bytesPerRecord}`, `${removedBytes}`].filter(Boolean);
  const writer = startProgram("disk-queue-writer", args, options.fileKilobytesMax);
  const lines: string[] = [];
  for await (const line of writer.lines) {
    if (lines.push(line) === options.killAfterLines) void writer.kill();
  }
  return { lines, exitCode: await writer.ended };
}
