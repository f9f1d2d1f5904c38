import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { BanditError, invariant } from "../../domain/errors.ts";
import type {
  DiskQueue,
  DiskQueueSize,
  DiskRecord,
  DiskRecordInput,
} from "../../ports/disk-queue.ts";
import {
  DiskQueueBatch,
  decodeRecord,
  hasReserve,
  openQueueTables,
  type QueueTables,
  queueFull,
  readQueueMeta,
} from "./disk-queue-batch.ts";
import { GroupCommit } from "./group-commit.ts";
import { sequenceKey, sequenceOfKey } from "./lmdb-tables.ts";
import { tellsOfNoRoom } from "./no-room.ts";
import { requireSoundFile } from "./require-sound-file.ts";

export interface LmdbDiskQueueOptions {
  /** Created when missing. The caller sees to it that nobody else opens it. */
  readonly directory: string;
  /** Bytes of texts and keys. The file may take about twice as much, and keeps the size it once had. */
  readonly bytesMax: number;
  /** Bytes of records that may wait for the disk; 64 MiB by default. */
  readonly waitingBytesMax?: number;
}

const waitingBytesDefault = 64 * 2 ** 20;
const keyBytesMax = 200;
/** Records removed in one step: about 1 ms of the thread that answers decisions. */
const removedPerStep = 200;
/** Of a removal that had to share its commit with appends: those that had been waiting for the disk are gone then. */
const retriesOfOneMax = 3;

/** A queue in an LMDB environment of its own, each commit flushed with its meta page: a power cut loses nothing. */
export class LmdbDiskQueue implements DiskQueue {
  readonly #tables: QueueTables;
  readonly #commits: GroupCommit<DiskQueueBatch>;
  readonly #waitingBytesMax: number;
  #waitingBytes = 0;
  /** Ids that the next commit removes: fewer once a commit has found no pages for more. */
  #removedPerCommit = removedPerStep;
  /** Removals that found no pages and are trying with fewer ids. */
  #makingRoom = 0;
  /** `wantedFromBytes`: with so much in the queue, or less, it is to be kept again. */
  #reserve: { readonly isKept: boolean; readonly wantedFromBytes: number };
  #size: DiskQueueSize;
  #closing: Promise<void> | undefined;

  /** @throws BanditError failed_precondition when it cannot be opened. */
  static open(options: LmdbDiskQueueOptions): LmdbDiskQueue {
    try {
      const directory = resolve(options.directory);
      mkdirSync(directory, { recursive: true });
      requireSoundFile(join(directory, "data.mdb"));
      const queue = new LmdbDiskQueue(openQueueTables(directory), options);
      flushDirectories(directory);
      return queue;
    } catch (error) {
      throw new BanditError(
        "failed_precondition",
        `the queue in ${options.directory} cannot be opened`,
        { reason: "DISK_QUEUE_NOT_OPENED", cause: error },
      );
    }
  }

  private constructor(tables: QueueTables, options: LmdbDiskQueueOptions) {
    this.#tables = tables;
    this.#waitingBytesMax = options.waitingBytesMax ?? waitingBytesDefault;
    const { records, bytes } = readQueueMeta(tables);
    this.#size = { records, bytes, bytesMax: options.bytesMax };
    this.#commits = new GroupCommit({
      openBatch: () => {
        tables.environment.resetReadTxn();
        return new DiskQueueBatch({
          tables,
          bytesMax: options.bytesMax,
          onCommitted: ({ records, bytes }) => {
            this.#size = { records, bytes, bytesMax: options.bytesMax };
          },
        });
      },
      translate: translateWriteError,
      // Bounded by waitingBytesMax below, which has an error of its own.
      callsMax: Number.POSITIVE_INFINITY,
      bytesMax: Number.POSITIVE_INFINITY,
    });
    this.#reserve = { isKept: hasReserve(tables), wantedFromBytes: 0 };
    // Never rejects.
    if (!this.#reserve.isKept) void this.#keepReserve();
  }

  get size(): DiskQueueSize {
    return this.#size;
  }

  async append(records: readonly DiskRecordInput[]): Promise<void> {
    this.#requireOpen();
    if (records.length === 0) return;
    let bytes = 0;
    for (const { key, text } of records) {
      const keyBytes = Buffer.byteLength(key);
      invariant(keyBytes > 0 && keyBytes <= keyBytesMax, `a key of ${keyBytes} bytes`);
      bytes += keyBytes + Buffer.byteLength(text);
    }
    if (this.#makingRoom > 0) {
      // Sharing its commit, a record for which there are no pages would make the removal fail too.
      throw queueFull("the disk of the queue is full; room is being made");
    }
    if (this.#waitingBytes + bytes > this.#waitingBytesMax) {
      throw queueFull("too much waits to be written to the queue on disk");
    }
    this.#waitingBytes += bytes;
    try {
      await this.#commits.run((batch) => batch.append(records), bytes);
    } finally {
      this.#waitingBytes -= bytes;
    }
  }

  read(options: { bytesMax: number; afterId?: number }): readonly DiskRecord[] {
    this.#refresh();
    const found: DiskRecord[] = [];
    let bytes = 0;
    for (const { key, value } of this.#tables.records.getRange({
      start: sequenceKey((options.afterId ?? -1) + 1),
    })) {
      bytes += value.length;
      if (found.length > 0 && bytes > options.bytesMax) break;
      found.push({ id: sequenceOfKey(key), ...decodeRecord(value) });
    }
    return found;
  }

  has(key: string): boolean {
    this.#refresh();
    return this.#tables.keys.doesExist(Buffer.from(key));
  }

  find(key: string): DiskRecord | undefined {
    this.#refresh();
    const id = this.#tables.keys.get(Buffer.from(key));
    if (id === undefined) return undefined;
    const value = this.#tables.records.get(id);
    invariant(value !== undefined, "a key of the queue without its record");
    return { id: sequenceOfKey(id), ...decodeRecord(value) };
  }

  /**
   * A removal takes pages before it gives any back. Where the disk is full the reserve has some, and as few records
   * as one are removed at once; what that frees is there for the next commits, which take more and more.
   */
  async remove(ids: readonly number[]): Promise<void> {
    this.#requireOpen();
    let isMakingRoom = false;
    let retriesOfOne = retriesOfOneMax;
    try {
      for (let from = 0; from < ids.length; ) {
        const step = ids.slice(from, from + this.#removedPerCommit);
        try {
          await this.#commits.run((batch) => batch.remove(step));
          from += step.length;
          this.#removedPerCommit = Math.min(this.#removedPerCommit * 2, removedPerStep);
        } catch (error) {
          if (!(error instanceof BanditError) || error.reason !== "DISK_QUEUE_FULL") throw error;
          if (step.length === 1) {
            if (retriesOfOne === 0) throw error;
            retriesOfOne -= 1;
          }
          this.#removedPerCommit = Math.max(Math.floor(step.length / 2), 1);
          if (!isMakingRoom) this.#makingRoom += 1;
          isMakingRoom = true;
          await this.#releaseReserve();
        }
      }
    } finally {
      if (isMakingRoom) this.#makingRoom -= 1;
    }
    if (this.#reserve.isKept || this.#size.bytes > this.#reserve.wantedFromBytes) return;
    await this.#keepReserve();
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#commits.close();
      await this.#tables.environment.close();
    })();
    return this.#closing;
  }

  /** Without room for it the queue works all the same, up to the moment at which the disk is full. */
  async #keepReserve(): Promise<void> {
    try {
      await this.#commits.run((batch) => batch.keepReserve());
      this.#reserve = { isKept: true, wantedFromBytes: 0 };
    } catch {
      // Tried again when there is less in the queue.
      this.#reserve = { isKept: false, wantedFromBytes: this.#size.bytes / 2 };
    }
  }

  /** @throws BanditError DISK_QUEUE_FULL when there is no room even for that. */
  async #releaseReserve(): Promise<void> {
    if (!this.#reserve.isKept) return;
    await this.#commits.run((batch) => batch.releaseReserve());
    this.#reserve = { isKept: false, wantedFromBytes: this.#size.bytes / 2 };
    await this.#commits.run((batch) => batch.touch());
  }

  #requireOpen(): void {
    if (this.#closing === undefined) return;
    throw new BanditError("unavailable", "the queue on disk is closed", {
      reason: "DISK_QUEUE_CLOSED",
    });
  }

  /** Lets reads see the newest commit. */
  #refresh(): void {
    this.#requireOpen();
    this.#tables.environment.resetReadTxn();
  }
}

/** A new file is found after a power cut only if the directories that lead to it are on disk too. */
function flushDirectories(directory: string): void {
  let path = directory;
  for (let level = 0; level < 4; level += 1) {
    const handle = openSync(path, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    path = dirname(path);
  }
}

/** A bug stays what it is: that a disk is full is believed, waited for and looked for by operators. */
function translateWriteError(error: unknown): unknown {
  if (error instanceof BanditError || !isOfTheEngine(error)) return error;
  if (tellsOfNoRoom(error)) {
    return queueFull("the disk of the queue is full or cannot be written", error);
  }
  return new BanditError("unavailable", "the queue on disk cannot be written", {
    reason: "DISK_QUEUE_UNAVAILABLE",
    cause: error,
  });
}

/** LMDB's errors are plain ones; a TypeError or the like, or a broken invariant, is ours. */
function isOfTheEngine(error: unknown): error is Error {
  return (
    error instanceof Error &&
    Object.getPrototypeOf(error) === Error.prototype &&
    !error.message.startsWith("invariant violated")
  );
}
