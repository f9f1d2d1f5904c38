import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { BanditError } from "../../domain/errors.ts";

/**
 * Makes this process the only owner of a data directory: two would corrupt PGlite and chDB.
 * The lock is a file that names the owner; one left by a process that is gone is taken over.
 * @returns a function that gives the directory free.
 * @throws BanditError failed_precondition when a living process owns it.
 */
export function lockDataDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, "banditd.lock");
  const own = `${process.pid} ${startOf(process.pid)}\n`;
  for (;;) {
    try {
      const file = openSync(path, "wx");
      writeSync(file, own);
      closeSync(file);
      return () => {
        rmSync(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
        throw new BanditError(
          "failed_precondition",
          `the data directory ${directory} cannot be written`,
          { reason: "DATA_DIRECTORY_NOT_WRITABLE", cause: error },
        );
      }
    }
    const owner = readOwner(path);
    if (owner !== undefined && isAlive(owner)) {
      throw new BanditError(
        "failed_precondition",
        `the data directory ${directory} is in use by process ${owner.pid}; ` +
          "stop it, or choose another directory",
        { reason: "DATA_DIRECTORY_IN_USE", metadata: { directory, pid: String(owner.pid) } },
      );
    }
    rmSync(path, { force: true });
  }
}

interface Owner {
  readonly pid: number;
  /** What tells it from another process that gets the same number later. */
  readonly startedAt: string;
}

/** Undefined when there is no lock, or its owner did not live to write it. */
function readOwner(path: string): Owner | undefined {
  const [pid, startedAt] = readIfPresent(path)?.trim().split(" ") ?? [];
  if (pid === undefined || startedAt === undefined) return undefined;
  return { pid: Number(pid), startedAt };
}

function isAlive(owner: Owner): boolean {
  if (!Number.isInteger(owner.pid) || owner.pid <= 0) return false;
  try {
    process.kill(owner.pid, 0); // signal 0 only asks
  } catch (error) {
    // EPERM: somebody else's, but running.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return startOf(owner.pid) === owner.startedAt;
}

/**
 * Boot of the machine and clock ticks since then at which a process started: its number may belong to
 * somebody else by now, after a restart of the machine or of the container. `-` where there is no /proc,
 * `zombie` for a process that has ended and only waits for its parent to take note.
 */
function startOf(pid: number): string {
  const fields = readIfPresent(`/proc/${pid}/stat`)?.split(") ").at(-1)?.split(" ");
  const boot = readIfPresent("/proc/sys/kernel/random/boot_id")?.trim();
  // proc(5): starttime is field 22; the fields here begin with the third.
  if (fields === undefined || boot === undefined) return "-";
  return fields[0] === "Z" ? "zombie" : `${boot}/${fields[19]}`;
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
