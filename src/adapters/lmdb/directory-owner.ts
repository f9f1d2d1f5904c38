import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BanditError } from "../../domain/errors.ts";

/** Directories this process has open: the file alone cannot tell two stores of one process apart. */
const ownedHere = new Set<string>();

/**
 * Makes this process the owner of `directory`, by a file with its process id. A process that was killed
 * leaves the file behind; it counts only while that process runs.
 * @returns a function that gives the directory up.
 * @throws BanditError failed_precondition (STATE_DIRECTORY_IN_USE) while another store has it open.
 */
export function ownDirectory(directory: string): () => void {
  const file = join(directory, "owner.pid");
  const owner = readOwner(file);
  if (
    ownedHere.has(directory) ||
    (owner !== undefined && owner !== process.pid && isRunning(owner))
  ) {
    throw new BanditError(
      "failed_precondition",
      "the state directory is in use by another process",
      {
        reason: "STATE_DIRECTORY_IN_USE",
        metadata: { directory, pid: String(owner) },
      },
    );
  }
  writeFileSync(file, `${process.pid} ${startTicks(process.pid)}\n`);
  ownedHere.add(directory);
  return () => {
    ownedHere.delete(directory);
    rmSync(file, { force: true });
  };
}

/** The process named in the file, if it is still the same one. */
function readOwner(file: string): number | undefined {
  const text = readTextIfAny(file);
  if (text === undefined) return undefined;
  const [pid, ticks] = text.trim().split(" ");
  return ticks === startTicks(Number(pid)) ? Number(pid) : undefined;
}

/** When the process was started; with it a process id that was given out again is not mistaken for the old one. */
function startTicks(pid: number): string {
  // Everything after the command name, which is in parentheses and may hold spaces; field 22 of the file.
  const stat = readTextIfAny(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "unknown";
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function readTextIfAny(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
