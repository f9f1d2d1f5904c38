import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BanditError } from "../../domain/errors.ts";

interface Holder {
  readonly processId: number;
  /** What tells it from another process that gets the same number later. */
  readonly startedAt: string;
}

/** Lock files that this process holds. */
const heldHere = new Set<string>();

/**
 * Keeps two processes from opening one embedded database, which would destroy it. The lock is a file
 * that names the holder; one whose process has ended does not count.
 * @returns a function that gives the directory back.
 * @throws failed_precondition when it is in use
 */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "lock");
  if (heldHere.has(file)) throw inUse(file, describeProcess(process.pid));
  while (!createFile(file)) {
    const holder = readHolder(file);
    if (holder !== undefined && isRunning(holder)) throw inUse(file, holder);
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
    writeFileSync(file, JSON.stringify(describeProcess(process.pid)), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Undefined when there is no lock or the holder did not live to write it. */
function readHolder(file: string): Holder | undefined {
  const text = readIfPresent(file);
  if (text === undefined) return undefined;
  try {
    const { processId, startedAt } = JSON.parse(text) as Partial<Holder>;
    if (typeof processId !== "number" || typeof startedAt !== "string") return undefined;
    return { processId, startedAt };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** After a restart of the machine the number may belong to another process: it started at another time. */
function isRunning(holder: Holder): boolean {
  try {
    process.kill(holder.processId, 0); // signal 0 only asks
  } catch (error) {
    // EPERM: somebody else's, but running.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return describeProcess(holder.processId).startedAt === holder.startedAt;
}

/** `startedAt` is empty where the system does not tell (no /proc): then the number alone decides. */
function describeProcess(processId: number): Holder {
  const fields = readIfPresent(`/proc/${processId}/stat`)?.split(") ").at(-1)?.split(" ");
  const boot = readIfPresent("/proc/sys/kernel/random/boot_id")?.trim();
  // proc(5): starttime is field 22; the fields here begin with the third.
  const startedAt = fields === undefined || boot === undefined ? "" : `${boot}/${fields[19]}`;
  return { processId, startedAt };
}

function readIfPresent(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function inUse(file: string, holder: Holder): BanditError {
  return new BanditError(
    "failed_precondition",
    `the catalogue is in use by process ${holder.processId}, says ${file}`,
    { reason: "CATALOGUE_IN_USE", metadata: { file, process: String(holder.processId) } },
  );
}
