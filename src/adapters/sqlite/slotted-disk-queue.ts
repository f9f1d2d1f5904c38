import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { RepeatedWork } from "../../concurrency/repeated-work.ts";
import { BanditError } from "../../domain/errors.ts";
import type { DiskQueue } from "../../ports/disk-queue.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { queueFileName, SqliteDiskQueue } from "./sqlite-disk-queue.ts";

/** Processes that may share one directory, and so the slots that are looked through. */
const slotsMax = 64;
const adoptIntervalMs = 10_000;
const adoptedBytesPerStep = 2 ** 20;

export interface SlottedDiskQueueOptions {
  /** Holds a directory for each slot, `0` to `63`. */
  readonly directory: string;
  /** Of this process's queue. */
  readonly bytesMax: number;
  /**
   * Makes this process the only owner of a slot's directory, which it makes when it is missing; returns what gives it free.
   * Throws `DATA_DIRECTORY_IN_USE` while somebody owns it.
   */
  readonly lock: (directory: string) => () => void;
  readonly logger: Logger;
}

interface Slot {
  readonly number: number;
  readonly queue: SqliteDiskQueue;
  release(): Promise<void>;
}

/**
 * This process's queue among those of the processes that share a data directory: it has the lowest slot that nobody
 * else has locked, and takes over the records in the slots of processes that have ended. A record is removed
 * from its old slot once it is on disk in the new one, so it may be in both for a while, never in none.
 */
export class SlottedDiskQueue {
  readonly #options: SlottedDiskQueueOptions;
  readonly #own: Slot;
  readonly #rounds: RepeatedWork;
  /** State of the file of each slot that was found empty: unchanged, it need not be opened again. */
  readonly #empty = new Map<number, string>();
  readonly #unusable = new Set<number>();
  #adopting: Promise<number> | undefined;

  /** @throws BanditError failed_precondition when no slot is free or can be used. */
  static open(options: SlottedDiskQueueOptions): SlottedDiskQueue {
    let failure: unknown;
    for (let number = 0; number < slotsMax; number += 1) {
      try {
        const slot = takeSlot(options, number);
        if (slot !== undefined) return new SlottedDiskQueue(options, slot);
      } catch (error) {
        // What a damaged queue holds waits for an operator; this process goes on in the next slot.
        options.logger.error("a queue on disk cannot be used", { error, slot: number });
        failure = error;
      }
    }
    throw (
      failure ??
      new BanditError(
        "failed_precondition",
        `${slotsMax} processes use the queues in ${options.directory} already`,
        { reason: "DISK_QUEUE_SLOTS_TAKEN" },
      )
    );
  }

  private constructor(options: SlottedDiskQueueOptions, own: Slot) {
    this.#options = options;
    this.#own = own;
    const onFailure = (error: unknown): void => {
      options.logger.error("records that an ended process left on disk could not be taken over", {
        error,
      });
    };
    this.#rounds = new RepeatedWork({
      pauseMs: adoptIntervalMs,
      work: () => this.adopt(),
      onFailure,
    });
    this.adopt().catch(onFailure);
    this.#rounds.start();
  }

  get queue(): DiskQueue {
    return this.#own.queue;
  }

  /** Takes over the records in slots without an owner, as far as there is room. @returns how many records. */
  adopt(): Promise<number> {
    this.#adopting ??= this.#adoptAll().finally(() => {
      this.#adopting = undefined;
    });
    return this.#adopting;
  }

  /** The records stay on disk; the next process that takes the slot has them. Idempotent. */
  async close(): Promise<void> {
    await this.#rounds.stop();
    // The one that began it has logged its failure.
    await this.#adopting?.catch(() => 0);
    await this.#own.release();
  }

  async #adoptAll(): Promise<number> {
    let adopted = 0;
    for (let number = 0; number < slotsMax; number += 1) {
      if (number === this.#own.number || this.#unusable.has(number)) continue;
      const state = fileState(this.#options.directory, number);
      if (state === undefined || state === this.#empty.get(number)) continue;
      adopted += await this.#adoptFrom(number);
    }
    return adopted;
  }

  async #adoptFrom(number: number): Promise<number> {
    const { logger, directory } = this.#options;
    let slot: Slot | undefined;
    try {
      slot = takeSlot(this.#options, number);
    } catch (error) {
      this.#unusable.add(number);
      logger.error("a queue on disk cannot be used", { error, slot: number });
    }
    if (slot === undefined) return 0;
    let isEmpty = false;
    try {
      const moved = await this.#move(slot.queue);
      isEmpty = slot.queue.size.records === 0;
      if (moved > 0) {
        logger.info("records that an ended process left on disk were taken over", {
          slot: number,
          records: moved,
          left: slot.queue.size.records,
        });
      }
      return moved;
    } finally {
      await slot.release();
      const state = fileState(directory, number);
      if (isEmpty && state !== undefined) this.#empty.set(number, state);
    }
  }

  async #move(from: SqliteDiskQueue): Promise<number> {
    const own = this.#own.queue;
    let moved = 0;
    let afterId = 0;
    let bytesMax = adoptedBytesPerStep;
    for (;;) {
      const records = from.read({ bytesMax, afterId });
      const last = records.at(-1);
      if (last === undefined) return moved;
      // Of two different records with one key, the one here is dealt with first; the other keeps its place till then.
      const movable = records.filter(({ key, text }) => (own.find(key)?.text ?? text) === text);
      try {
        await own.append(movable);
      } catch (error) {
        if (!(error instanceof BanditError) || error.code !== "resource_exhausted") throw error;
        if (movable.length <= 1) return moved;
        // A little room is filled too: what is here can be applied, and makes more.
        bytesMax = Math.floor(bytesMax / 2);
        continue;
      }
      await from.remove(movable.map(({ id }) => id));
      moved += movable.length;
      afterId = last.id;
    }
  }
}

/** Undefined while another process has it. */
function takeSlot(options: SlottedDiskQueueOptions, number: number): Slot | undefined {
  const directory = join(options.directory, String(number));
  let unlock: () => void;
  try {
    unlock = options.lock(directory);
  } catch (error) {
    if (error instanceof BanditError && error.reason === "DATA_DIRECTORY_IN_USE") return undefined;
    throw error;
  }
  try {
    const queue = SqliteDiskQueue.open({
      directory,
      bytesMax: options.bytesMax,
      logger: options.logger,
    });
    return {
      number,
      queue,
      async release() {
        await queue.close().finally(unlock);
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Changes whenever something is written to the queue of a slot; undefined when the slot was never used. */
function fileState(directory: string, number: number): string | undefined {
  const path = join(directory, String(number), queueFileName);
  if (!existsSync(path)) return undefined;
  return [path, `${path}-wal`]
    .map((file) => statSync(file, { throwIfNoEntry: false }))
    .map((state) => `${state?.mtimeMs} ${state?.size}`)
    .join(" ");
}
