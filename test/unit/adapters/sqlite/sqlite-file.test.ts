import { createHook } from "node:async_hooks";
import { execFile } from "node:child_process";
import { closeSync, copyFileSync, cpSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import { expect, it, vi } from "vitest";
import {
  queueFileName,
  SqliteDiskQueue,
} from "../../../../src/adapters/sqlite/sqlite-disk-queue.ts";
import { SqliteFile } from "../../../../src/adapters/sqlite/sqlite-file.ts";
import {
  SqliteStateStore,
  stateFileName,
} from "../../../../src/adapters/sqlite/sqlite-state-store.ts";
import { systemClock } from "../../../../src/adapters/system/system-clock.ts";
import type { Logger } from "../../../../src/ports/telemetry.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

function open(directory: string, logger?: Logger): SqliteFile {
  return SqliteFile.open({
    directory,
    ...{ name: "a.sqlite", schema: "CREATE TABLE IF NOT EXISTS a (b);", logBytesMax: 2 ** 20 },
    logger,
  });
}

function insert(file: SqliteFile, value: unknown): void {
  file.transaction(() => file.prepare("INSERT INTO a VALUES (?)").run(value as string));
}

it("the first flush waits for the disk: a process that was killed may have committed what is not there yet", async () => {
  const directory = temporaryDirectory();
  const killed = open(join(directory, "killed"));
  insert(killed, 1);
  cpSync(join(directory, "killed"), join(directory, "next"), { recursive: true });
  const next = open(join(directory, "next"));
  let requests = 0;
  const hook = createHook({
    init(_id, type) {
      if (type === "FSREQCALLBACK") requests += 1;
    },
  });
  try {
    expect(next.prepare("SELECT b FROM a").get()).toEqual({ b: 1 });
    hook.enable();
    await next.flush();
    expect(requests).toBe(1);
    await next.flush();
    expect(requests).toBe(1);
  } finally {
    hook.disable();
    await Promise.all([killed.close(), next.close()]);
  }
});

/** Of files with this end of their names, in this process, in the order of their opening. */
function descriptorsOf(name: string): number[] {
  const pathOf = (descriptor: string): string => {
    try {
      return readlinkSync(join("/proc/self/fd", descriptor));
    } catch {
      return "closed meanwhile";
    }
  };
  const descriptors = readdirSync("/proc/self/fd").filter((file) => pathOf(file).endsWith(name));
  return descriptors.map(Number).sort((a, b) => a - b);
}

/** From now on `descriptor` is another file. */
function replaceFile(descriptor: number, path: string): void {
  closeSync(descriptor);
  expect(openSync(path, "r+")).toBe(descriptor);
}

it("a flush that failed is not made good by the next, only by a copy of all of the log", async () => {
  const directory = temporaryDirectory();
  const path = join(directory, "a.sqlite");
  const file = open(directory);
  const descriptor = descriptorsOf(".sqlite-wal").at(-1) as number;
  const reader = new DatabaseSync(path);
  try {
    insert(file, 1);
    // A device whose flush the system refuses.
    replaceFile(descriptor, "/dev/null");
    await expect(file.flush()).rejects.toThrow("EINVAL");
    replaceFile(descriptor, `${path}-wal`);
    // While somebody reads, the log cannot begin anew.
    const rows = reader.prepare("SELECT b FROM a").iterate();
    rows.next();
    await expect(file.flush()).rejects.toThrow("EINVAL");
    insert(file, 2);
    await expect(file.flush()).rejects.toThrow("EINVAL");
    rows.return?.();
    await file.flush();
    copyFileSync(path, join(directory, "copy.sqlite"));
    const copy = new DatabaseSync(join(directory, "copy.sqlite"));
    expect(copy.prepare("SELECT b FROM a").all()).toEqual([{ b: 1 }, { b: 2 }]);
    copy.close();
  } finally {
    reader.close();
    await file.close();
  }
});

it("a transaction that was committed is not reported as failed when the log's size cannot be read", async () => {
  const lines: string[] = [];
  const file = open(temporaryDirectory(), {
    ...({} as Logger),
    error: (message: string) => void lines.push(message),
  });
  try {
    insert(file, 1);
    const rows = file.prepare("SELECT b FROM a").iterate();
    rows.next();
    insert(file, 2);
    rows.return?.();
    expect(file.prepare("SELECT count(*) AS n FROM a").get()).toEqual({ n: 2 });
    expect(lines).toEqual(["the size of a log on disk cannot be read"]);
  } finally {
    await file.close();
  }
});

it("a thread for copies that fails, at whatever time, is replaced", async () => {
  const threads: Worker[] = [];
  const add = (thread: Worker): number => threads.push(thread);
  process.on("worker", add);
  const file = open(temporaryDirectory());
  const copied = async (): Promise<void> => {
    insert(file, "x".repeat(2 ** 21));
    await file.held;
  };
  try {
    await copied();
    threads[0]?.emit("error", new Error("out of memory"));
    await threads[0]?.terminate();
    await copied();
    expect(threads).toHaveLength(2);
  } finally {
    process.off("worker", add);
    await file.close();
  }
});

it("commits go on where no thread for copies can be started; a file that cannot be made is closed", async () => {
  const directory = temporaryDirectory();
  await open(join(directory, "made")).close();
  const source = new URL("../../../../src/adapters/sqlite/sqlite-file.ts", import.meta.url);
  const program = `
    import { readdirSync } from "node:fs";
    import { SqliteFile } from ${JSON.stringify(source)};
    const open = (directory) => SqliteFile.open({
      directory: ${JSON.stringify(directory)} + directory,
      name: "a.sqlite",
      schema: "CREATE TABLE IF NOT EXISTS a (b);",
      logBytesMax: 2 ** 18,
      logger: { warn: (message) => console.log(message) },
    });
    const before = readdirSync("/proc/self/fd").length;
    try {
      open("/new");
    } catch (error) {
      console.log(error.code, readdirSync("/proc/self/fd").length - before);
    }
    const file = open("/made");
    for (let row = 0; row < 2; row += 1) {
      if (file.held) await file.held;
      file.transaction(() => file.prepare("INSERT INTO a VALUES (zeroblob(1000000))").run());
    }
    await file.close();`;
  // Such a process may neither flush a directory nor start a thread.
  const permissions = ["--permission", "--allow-fs-read=*", "--allow-fs-write=*"];
  const input = ["--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, [...permissions, ...input]);
  const lines = stdout.trim().split("\n");
  expect(lines.shift()).toBe("ERR_ACCESS_DENIED 0");
  expect(new Set(lines)).toEqual(
    new Set(["a log on disk could not be restarted and keeps growing"]),
  );
});

it("another program that writes to the file makes a commit fail at once", async () => {
  const directory = temporaryDirectory();
  const file = open(directory);
  const other = new DatabaseSync(join(directory, "a.sqlite"));
  try {
    other.exec("BEGIN IMMEDIATE");
    expect(() => insert(file, 1)).toThrow("database is locked");
    expect(file.prepare("PRAGMA busy_timeout").get()).toEqual({ timeout: 0 });
    other.exec("ROLLBACK");
    insert(file, 1);
  } finally {
    other.close();
    await file.close();
  }
});

it("a store whose tables are not as they should be is refused, and its file closed", async () => {
  const directory = temporaryDirectory();
  const schema = "CREATE TABLE record (other); CREATE TABLE decision (other);";
  for (const name of [queueFileName, stateFileName]) {
    await SqliteFile.open({ directory, name, schema, logBytesMax: 2 ** 20 }).close();
  }
  expect(() => SqliteDiskQueue.open({ directory, bytesMax: 1 })).toThrow("cannot be opened");
  await expect(SqliteStateStore.open({ directory, clock: systemClock })).rejects.toThrow("cannot");
  await vi.waitFor(() => expect(descriptorsOf(".sqlite-wal")).toEqual([]));
});
