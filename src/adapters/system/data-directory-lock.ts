import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { hostname } from "node:os";
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
  const own = `${process.pid} ${startTimeOf(process.pid)} ${hostname()}\n`;
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
        `the data directory ${directory} is in use by process ${owner.pid} on ${owner.host}; ` +
          "stop it, or choose another directory",
        { reason: "DATA_DIRECTORY_IN_USE", metadata: { directory, pid: String(owner.pid) } },
      );
    }
    rmSync(path, { force: true });
  }
}

interface Owner {
  readonly pid: number;
  readonly startTime: string;
  readonly host: string;
}

function readOwner(path: string): Owner | undefined {
  try {
    const [pid, startTime, host] = readFileSync(path, "utf8").trim().split(" ");
    return { pid: Number(pid), startTime: startTime ?? "", host: host ?? "" };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** A process number is used again after a restart, so the time the process started has to match too. */
function isAlive(owner: Owner): boolean {
  if (owner.host !== hostname()) return true;
  if (!Number.isInteger(owner.pid) || owner.pid <= 0) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return startTimeOf(owner.pid) === owner.startTime;
}

/** Clock ticks since boot at which a process started, from Linux's /proc; `-` where there is no such file. */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "-";
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return "-";
    throw error;
  }
}
