import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BanditError } from "../../domain/errors.ts";
import { makeDataDirectory } from "./make-data-directory.ts";

/** A connection that were collected as garbage would give its lock up. */
const held = new Set<DatabaseSync>();
/** SQLITE_BUSY, in the low byte of an error code: somebody else holds the lock. */
const busy = 5;

/**
 * Makes this process the only owner of a data directory: two would corrupt SQLite, PGlite and chDB. To be
 * called before any of them is opened.
 *
 * The lock is the exclusive lock of SQLite on an empty database, `owner.lock`: the kernel keeps it, for all
 * containers of a machine alike, and gives it free however the process ends. SQLite knows its own
 * connections too, so two owners in one process are kept apart. The file must not be opened by anything
 * else in this process, because closing it would end the lock, and is never removed, because somebody may
 * be about to lock it. `owner.pid` only says who it is.
 * @returns a function that gives the directory free.
 * @throws BanditError failed_precondition while somebody owns it, or when it cannot be written.
 */
export function lockDataDirectory(directory: string): () => void {
  makeDataDirectory(directory);
  const pidPath = join(directory, "owner.pid");
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(directory, "owner.lock"), { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
    writeFileSync(pidPath, `${process.pid} ${hostname()}\n`);
  } catch (error) {
    database?.close();
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === busy)
      throw inUse(directory, pidPath);
    throw new BanditError(
      "failed_precondition",
      `the data directory ${directory} cannot be written or locked`,
      { reason: "DATA_DIRECTORY_NOT_WRITABLE", cause: error },
    );
  }
  const lock = database;
  held.add(lock);
  return () => {
    if (!held.delete(lock)) return;
    rmSync(pidPath, { force: true });
    lock.close();
  };
}

function inUse(directory: string, pidPath: string): BanditError {
  const [pid, host] = readIfPresent(pidPath)?.trim().split(" ") ?? [];
  const where = host === undefined || host === hostname() ? "" : ` on ${host}`;
  const owner = pid === undefined ? "another process" : `process ${pid}${where}`;
  return new BanditError(
    "failed_precondition",
    `the data directory ${directory} is in use by ${owner}; stop it, or choose another directory`,
    { reason: "DATA_DIRECTORY_IN_USE", metadata: { directory, ...(pid && { pid }) } },
  );
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
