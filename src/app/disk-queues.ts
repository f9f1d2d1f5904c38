import { existsSync } from "node:fs";
import { join } from "node:path";
import { lockDataDirectory } from "../adapters/system/data-directory-lock.ts";
import { makeDataDirectory } from "../adapters/system/make-data-directory.ts";
import type { DiskQueue } from "../ports/disk-queue.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { ServiceOptions } from "./config.ts";

/** The queues of this process on its own disk; undefined: not used, and empty from before. */
export interface DiskQueues {
  /** Reports that came while the state store could not be reached. */
  readonly spool: DiskQueue | undefined;
  /** Events that found no room in the outbox. */
  readonly spill: DiskQueue | undefined;
  /** Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens the queues that the configuration needs, and those in which an earlier configuration has left something,
 * which is to be delivered all the same.
 * @throws BanditError failed_precondition when one is needed and cannot be opened.
 */
export async function openDiskQueues(
  options: Pick<
    ServiceOptions,
    "dataDir" | "redisUrl" | "outboxFull" | "spoolBytesMax" | "spillBytesMax"
  >,
  { logger }: { readonly logger: Logger },
): Promise<DiskQueues> {
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((queue) => queue.close()));
  };
  const open = async (
    name: string,
    { isNeeded, bytesMax }: { isNeeded: boolean; bytesMax: number },
  ): Promise<DiskQueue | undefined> => {
    const directory = join(options.dataDir, name);
    if (!isNeeded && !existsSync(directory)) return undefined;
    const { SlottedDiskQueue } = await import("../adapters/sqlite/slotted-disk-queue.ts");
    makeDataDirectory(directory);
    const lock = lockDataDirectory;
    const slotted = SlottedDiskQueue.open({ directory, bytesMax, lock, logger });
    opened.push(slotted);
    return slotted.queue;
  };
  try {
    const spool = await open("spool", {
      isNeeded: options.redisUrl !== undefined,
      bytesMax: options.spoolBytesMax,
    });
    const spill = await open("spill", {
      isNeeded: options.outboxFull === "spill",
      bytesMax: options.spillBytesMax,
    });
    return { spool, spill, close };
  } catch (error) {
    await close();
    throw error;
  }
}
