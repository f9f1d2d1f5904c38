import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BanditError } from "../../domain/errors.ts";

/** Directories that this process holds: its own process id in the file is not news to it. */
const heldHere = new Set<string>();

/**
 * Keeps two processes from opening one embedded database, which would destroy it. The lock is a file
 * with the holder's process id; one whose process has ended does not count.
 * @returns a function that gives the directory back.
 * @throws failed_precondition when it is in use
 */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "lock");
  if (heldHere.has(file)) throw inUse(directory, process.pid);
  while (!createFile(file)) {
    const holder = readHolder(file);
    if (holder !== undefined && holder !== process.pid && isRunning(holder)) {
      throw inUse(directory, holder);
    }
    rmSync(file, { force: true });
  }
  heldHere.add(file);
  return () => {
    if (heldHere.delete(file)) rmSync(file, { force: true });
  };
}

/** Only one of several can: the file must not exist yet. */
function createFile(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readHolder(file: string): number | undefined {
  try {
    const holder = Number.parseInt(readFileSync(file, "utf8"), 10);
    return Number.isSafeInteger(holder) && holder > 0 ? holder : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0); // signal 0 only asks
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // somebody else's, but running
  }
}

function inUse(directory: string, holder: number): BanditError {
  return new BanditError(
    "failed_precondition",
    `the catalogue in ${directory} is in use by process ${holder}`,
    { reason: "CATALOGUE_IN_USE", metadata: { directory, process: String(holder) } },
  );
}
