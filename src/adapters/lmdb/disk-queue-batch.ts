import { type Database, open, type RootDatabase } from "lmdb";
import { BanditError } from "../../domain/errors.ts";
import type { DiskRecordInput } from "../../ports/disk-queue.ts";
import { durableCommit, ownBatchesOnly } from "./durable-commit.ts";
import type { CommitBatch } from "./group-commit.ts";
import { sequenceKey } from "./lmdb-tables.ts";

/**
 * The tables of a queue. Numbers are big-endian.
 *
 * | table   | key           | value |
 * | records | id u64        | bytes of the key u8, key, text |
 * | keys    | the key, UTF-8 | id u64 |
 * | meta    | "queue"       | records u64, bytes u64, next id u64 |
 * | meta    | "reserve", u8 | a page of nothing, see `keepReserve` |
 */
export interface QueueTables {
  readonly environment: RootDatabase<Buffer, Buffer>;
  readonly records: Database<Buffer, Buffer>;
  readonly keys: Database<Buffer, Buffer>;
  readonly meta: Database<Buffer, Buffer>;
}

export interface QueueMeta {
  readonly records: number;
  /** Of keys and texts. */
  readonly bytes: number;
  /** No id from this one on was ever used. */
  readonly nextId: number;
}

const metaKey = Buffer.from("queue");

/** Enough for a removal of one record, several times over. */
const reservePages = 64;
/** Each value takes one page of 4 KiB, wherever one is free. */
const reserveValue = Buffer.alloc(4_000);

function reserveKey(page: number): Buffer {
  return Buffer.concat([Buffer.from("reserve"), Buffer.of(page)]);
}

export function hasReserve(tables: QueueTables): boolean {
  return tables.meta.doesExist(reserveKey(reservePages - 1));
}

export function openQueueTables(directory: string): QueueTables {
  const binary = { encoding: "binary", keyEncoding: "binary" } as const;
  const environment: RootDatabase<Buffer, Buffer> = open({
    path: directory,
    ...binary,
    maxDbs: 4,
    noSubdir: false,
    // A commit resolves when its data and the page that makes it the newest commit are on disk.
    overlappingSync: false,
    noSync: false,
    noMetaSync: false,
    ...ownBatchesOnly,
  });
  const table = (name: string): Database<Buffer, Buffer> => environment.openDB({ name, ...binary });
  return { environment, records: table("records"), keys: table("keys"), meta: table("meta") };
}

export function readQueueMeta(tables: QueueTables): QueueMeta {
  const value = tables.meta.get(metaKey);
  if (value === undefined) return { records: 0, bytes: 0, nextId: 1 };
  const number = (at: number): number => Number(value.readBigUInt64BE(at));
  return { records: number(0), bytes: number(8), nextId: number(16) };
}

export function decodeRecord(value: Buffer): DiskRecordInput {
  const textAt = 1 + (value[0] as number);
  return { key: value.toString("utf8", 1, textAt), text: value.toString("utf8", textAt) };
}

/** The changes of one transaction. A plan sees what was planned before it. */
export class DiskQueueBatch implements CommitBatch {
  readonly #tables: QueueTables;
  readonly #bytesMax: number;
  readonly #onCommitted: (after: QueueMeta) => void;
  readonly #writes: (() => void)[] = [];
  readonly #addedKeys = new Set<string>();
  readonly #removedKeys = new Set<string>();
  readonly #removedIds = new Set<number>();
  #meta: QueueMeta;

  constructor(options: {
    tables: QueueTables;
    bytesMax: number;
    onCommitted: (after: QueueMeta) => void;
  }) {
    this.#tables = options.tables;
    this.#meta = readQueueMeta(options.tables);
    this.#bytesMax = options.bytesMax;
    this.#onCommitted = options.onCommitted;
  }

  /** @throws BanditError resource_exhausted (DISK_QUEUE_FULL); nothing is planned then. */
  append(inputs: readonly DiskRecordInput[]): void {
    const added: { input: DiskRecordInput; key: Buffer; value: Buffer }[] = [];
    const keys = new Set<string>();
    let bytes = 0;
    for (const input of inputs) {
      if (keys.has(input.key) || this.#has(input.key)) continue;
      keys.add(input.key);
      const key = Buffer.from(input.key);
      const value = Buffer.concat([Buffer.of(key.length), key, Buffer.from(input.text)]);
      added.push({ input, key, value });
      bytes += value.length - 1;
    }
    if (this.#meta.bytes + bytes > this.#bytesMax) {
      throw queueFull(`the queue on disk has reached its bound of ${this.#bytesMax} bytes`);
    }
    for (const { input, key, value } of added) {
      const id = sequenceKey(this.#meta.nextId);
      this.#addedKeys.add(input.key);
      this.#writes.push(() => void this.#tables.records.put(id, value));
      this.#writes.push(() => void this.#tables.keys.put(key, id));
      this.#count({ records: 1, bytes: value.length - 1, ids: 1 });
    }
  }

  remove(ids: readonly number[]): void {
    for (const id of ids) {
      const idKey = sequenceKey(id);
      const value = this.#removedIds.has(id) ? undefined : this.#tables.records.get(idKey);
      if (value === undefined) continue;
      const key = value.subarray(1, 1 + (value[0] as number));
      this.#removedIds.add(id);
      this.#removedKeys.add(key.toString());
      this.#writes.push(() => void this.#tables.records.remove(idKey));
      this.#writes.push(() => void this.#tables.keys.remove(key));
      this.#count({ records: -1, bytes: 1 - value.length, ids: 0 });
    }
  }

  /**
   * Occupies pages that removing may need once the disk is full: LMDB writes a page that changes to a new place, so a
   * removal takes pages before it gives any back.
   */
  keepReserve(): void {
    for (let page = 0; page < reservePages; page += 1) {
      this.#writes.push(() => void this.#tables.meta.put(reserveKey(page), reserveValue));
    }
  }

  /** Its pages can be used from the second commit after this one on. */
  releaseReserve(): void {
    for (let page = 0; page < reservePages; page += 1) {
      this.#writes.push(() => void this.#tables.meta.remove(reserveKey(page)));
    }
  }

  /** Makes a commit of this batch although it may have nothing to write. */
  touch(): void {
    this.#writes.push(() => {});
  }

  async commit(): Promise<void> {
    if (this.#writes.length === 0) return;
    const { records, bytes, nextId } = this.#meta;
    const meta = Buffer.concat([records, bytes, nextId].map(sequenceKey));
    this.#writes.push(() => void this.#tables.meta.put(metaKey, meta));
    await durableCommit(this.#tables.environment, () => {
      for (const write of this.#writes) write();
    });
    this.#onCommitted(this.#meta);
  }

  #has(key: string): boolean {
    if (this.#addedKeys.has(key)) return true;
    return !this.#removedKeys.has(key) && this.#tables.keys.doesExist(Buffer.from(key));
  }

  #count(change: { records: number; bytes: number; ids: number }): void {
    this.#meta = {
      records: this.#meta.records + change.records,
      bytes: this.#meta.bytes + change.bytes,
      nextId: this.#meta.nextId + change.ids,
    };
  }
}

export function queueFull(message: string, cause?: unknown): BanditError {
  return new BanditError("resource_exhausted", message, {
    reason: "DISK_QUEUE_FULL",
    retryAfterMs: 1000,
    ...(cause === undefined ? {} : { cause }),
  });
}
