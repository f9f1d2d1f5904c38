import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SlottedDiskQueue } from "../../../src/adapters/sqlite/slotted-disk-queue.ts";
import { lockDataDirectory } from "../../../src/adapters/system/data-directory-lock.ts";
import { openDiskQueues } from "../../../src/app/disk-queues.ts";
import type { DiskQueue } from "../../../src/ports/disk-queue.ts";
import { silentLogger } from "../../support/state-samples.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

let directory: string;
const opened = new Set<{ close(): Promise<void> }>();
const children = new Set<ChildProcess>();

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(async () => {
  for (const child of children) await kill(child);
  for (const queue of opened) await queue.close();
  opened.clear();
});

function open(bytesMax = 2 ** 20): SlottedDiskQueue {
  const slotted = SlottedDiskQueue.open({
    directory,
    bytesMax,
    lock: lockDataDirectory,
    logger: silentLogger,
  });
  opened.add(slotted);
  return slotted;
}

async function close(slotted: SlottedDiskQueue): Promise<void> {
  opened.delete(slotted);
  await slotted.close();
}

/** A process that has taken a slot and appended a record with this key. */
async function startHolder(key: string): Promise<ChildProcess> {
  const program = new URL("../../support/slot-holder.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [program, directory, key], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.add(child);
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  children.delete(child);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

const keysOf = (queue: DiskQueue): string[] => queue.read({ bytesMax: 2 ** 30 }).map((r) => r.key);

test("processes that share a directory have queues of their own; what a killed one left is taken over once, by those who live", async () => {
  const first = await startHolder("first");
  const second = await startHolder("second");
  const mine = open();
  await mine.queue.append([{ key: "mine", text: "" }]);
  expect(await mine.adopt()).toBe(0);
  expect(keysOf(mine.queue)).toEqual(["mine"]);
  await kill(first);
  await vi.waitFor(async () => expect(await mine.adopt()).toBe(1));
  expect(keysOf(mine.queue)).toEqual(["mine", "first"]);
  expect(mine.queue.find("first")?.text).toBe("text of first");
  expect(await mine.adopt()).toBe(0);
  // Its slot is free again, and the next process that takes it and ends is noticed once more.
  const third = await startHolder("third");
  await kill(third);
  await kill(second);
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
  await close(ended);
  // What is here already takes no room.
  expect(await mine.adopt()).toBe(1);
  expect(keysOf(mine.queue)).toEqual(["same", "other"]);
  expect(mine.queue.find("other")?.text).toBe("ours");
  await mine.queue.remove(mine.queue.read({ bytesMax: 1000 }).map(({ id }) => id));
  // The 11 bytes of "other" leave no room for "large".
  expect(await mine.adopt()).toBe(1);
  expect(keysOf(mine.queue)).toEqual(["other"]);
  await close(mine);
  const roomy = open();
  await roomy.adopt();
  expect(keysOf(roomy.queue)).toEqual(["large", "other"]);
  expect(roomy.queue.find("other")?.text).toBe("theirs");
});

test("a damaged queue does not keep a process from starting; it is left as it is and named in the log", async () => {
  const first = open();
  await close(first);
  const path = join(directory, "0", "queue.sqlite");
  writeFileSync(path, "this is no queue".repeat(1000));
  const error = vi.fn();
  const second = SlottedDiskQueue.open({
    directory,
    bytesMax: 2 ** 20,
    lock: lockDataDirectory,
    logger: { ...silentLogger, error },
  });
  opened.add(second);
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
  const openThem = async (options: Parameters<typeof openDiskQueues>[0]) => {
    const queues = await openDiskQueues(options, { logger: silentLogger });
    opened.add(queues);
    return queues;
  };
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
