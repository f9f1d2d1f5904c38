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
  openQueueTables,
  type QueueTables,
  queueFull,
  readQueueMeta,
} from "./disk-queue-batch.ts";
import { GroupCommit } from "./group-commit.ts";
import { sequenceKey, sequenceOfKey } from "./lmdb-tables.ts";
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

/** A queue in an LMDB environment of its own, each commit flushed with its meta page: a power cut loses nothing. */
export class LmdbDiskQueue implements DiskQueue {
  readonly #tables: QueueTables;
  readonly #commits: GroupCommit<DiskQueueBatch>;
  readonly #waitingBytesMax: number;
  #waitingBytes = 0;
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

  async remove(ids: readonly number[]): Promise<void> {
    this.#requireOpen();
    const steps: Promise<void>[] = [];
    for (let from = 0; from < ids.length; from += removedPerStep) {
      const step = ids.slice(from, from + removedPerStep);
      steps.push(this.#commits.run((batch) => batch.remove(step)));
    }
    await Promise.all(steps);
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#commits.close();
      await this.#tables.environment.close();
    })();
    return this.#closing;
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

/** Whatever keeps a commit from the disk: no space (LMDB says input/output error for a short write too), a quota, a broken disk. */
function translateWriteError(error: unknown): unknown {
  if (error instanceof BanditError) return error;
  if (error instanceof Error && error.message.startsWith("invariant violated")) return error;
  return queueFull("the disk of the queue is full or cannot be written", error);
}
