import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { SlottedDiskQueue } from "../../../src/adapters/sqlite/slotted-disk-queue.ts";
import { lockDataDirectory } from "../../../src/adapters/system/data-directory-lock.ts";
import { openDiskQueues } from "../../../src/app/disk-queues.ts";
import type { DiskQueue } from "../../../src/ports/disk-queue.ts";
import { closedAfterEach } from "../../support/closed-after-each.ts";
import { firstLine, type Program, startProgram } from "../../support/program.ts";
import { silentLogger } from "../../support/state-samples.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

let directory: string;

beforeEach(() => {
  directory = temporaryDirectory();
});

const closing = closedAfterEach();
const open = (bytesMax = 2 ** 20, logger = silentLogger) =>
  closing(SlottedDiskQueue.open({ directory, bytesMax, lock: lockDataDirectory, logger }));

/** A process that has taken a slot and appended a record with this key. */
async function startHolder(key: string): Promise<Program> {
  const holder = startProgram("slot-holder", [directory, key]);
  await firstLine(holder);
  return holder;
}

const keysOf = (queue: DiskQueue): string[] => queue.read({ bytesMax: 2 ** 30 }).map((r) => r.key);

test("processes that share a directory have queues of their own; what a killed one left is taken over once, by those who live", async () => {
  const first = await startHolder("first");
  const second = await startHolder("second");
  const mine = open();
  await mine.queue.append([{ key: "mine", text: "" }]);
  expect(await mine.adopt()).toBe(0);
  expect(keysOf(mine.queue)).toEqual(["mine"]);
  await first.kill();
  await vi.waitFor(async () => expect(await mine.adopt()).toBe(1));
  expect(keysOf(mine.queue)).toEqual(["mine", "first"]);
  expect(mine.queue.find("first")?.text).toBe("text of first");
  expect(await mine.adopt()).toBe(0);
  // Its slot is free again, and the next process that takes it and ends is noticed once more.
  const third = await startHolder("third");
  await third.kill();
  await second.kill();
  await vi.waitFor(async () => {
    await mine.adopt();
    expect(keysOf(mine.queue).sort()).toEqual(["first", "mine", "second", "third"]);
  });
  expect(mine.queue.size.records).toBe(4);
});

test("what does not fit, and what differs from a record with the same key, keeps its place until there is room", async () => {
  const ended = open();
  const mine = open(40);
  await ended.queue.append([
    { key: "same", text: "same text" },
    { key: "other", text: "theirs" },
    { key: "large", text: "x".repeat(30) },
  ]);
  await mine.queue.append([
    { key: "same", text: "same text" },
    { key: "other", text: "ours" },
  ]);
  await ended.close();
  // What is here already takes no room.
  expect(await mine.adopt()).toBe(1);
  expect(keysOf(mine.queue)).toEqual(["same", "other"]);
  expect(mine.queue.find("other")?.text).toBe("ours");
  await mine.queue.remove(mine.queue.read({ bytesMax: 1000 }).map(({ id }) => id));
  // The 11 bytes of "other" leave no room for "large".
  expect(await mine.adopt()).toBe(1);
  expect(keysOf(mine.queue)).toEqual(["other"]);
  await mine.close();
  const roomy = open();
  await roomy.adopt();
  expect(keysOf(roomy.queue)).toEqual(["large", "other"]);
  expect(roomy.queue.find("other")?.text).toBe("theirs");
});

test("a damaged queue does not keep a process from starting; it is left as it is and named in the log", async () => {
  await open().close();
  const path = join(directory, "0", "queue.sqlite");
  writeFileSync(path, "this is no queue".repeat(1000));
  const error = vi.fn();
  const second = open(2 ** 20, { ...silentLogger, error });
  await second.queue.append([{ key: "a", text: "" }]);
  expect(error).toHaveBeenCalledWith(
    "a queue on disk cannot be used",
    expect.objectContaining({ slot: 0 }),
  );
  expect(existsSync(join(directory, "1", "queue.sqlite"))).toBe(true);
});

test("more processes than slots are refused", async () => {
  for (let slot = 0; slot < 64; slot += 1) open();
  expect(() => open()).toThrow(expect.objectContaining({ reason: "DISK_QUEUE_SLOTS_TAKEN" }));
});

test("queues are opened where they are needed, and where an earlier configuration has left something", async () => {
  const embedded = {
    dataDir: directory,
    outboxFull: "refuse",
    spoolBytesMax: 2 ** 20,
    spillBytesMax: 2 ** 20,
  } as const;
  const openThem = async (options: Parameters<typeof openDiskQueues>[0]) =>
    closing(await openDiskQueues(options, { logger: silentLogger }));
  const none = await openThem(embedded);
  expect([none.spool, none.spill]).toEqual([undefined, undefined]);
  expect(existsSync(join(directory, "spool"))).toBe(false);
  const both = await openThem({ ...embedded, redisUrl: "redis://x", outboxFull: "spill" });
  await both.spool?.append([{ key: "a", text: "" }]);
  await both.spill?.append([{ key: "b", text: "" }]);
  await both.close();
  const leftovers = await openThem(embedded);
  expect(leftovers.spool?.has("a")).toBe(true);
  expect(leftovers.spill?.has("b")).toBe(true);
});
