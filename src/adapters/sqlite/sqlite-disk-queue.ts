import type { StatementSync } from "node:sqlite";
import { BanditError, invariant } from "../../domain/errors.ts";
import type {
  DiskQueue,
  DiskQueueSize,
  DiskRecord,
  DiskRecordInput,
} from "../../ports/disk-queue.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { type CallGroup, GroupCommit } from "./group-commit.ts";
import { isOfSqlite, isOfSystem, tellsOfNoRoom } from "./sqlite-errors.ts";
import { SqliteFile } from "./sqlite-file.ts";

export interface SqliteDiskQueueOptions {
  /** Created when missing. The caller sees to it that nobody else opens it. */
  readonly directory: string;
  /** Bytes of texts and keys. The file may take about twice as much, and keeps the size it once had. */
  readonly bytesMax: number;
  /** Bytes of records that may wait for the disk; 64 MiB by default. */
  readonly waitingBytesMax?: number;
  /** Bytes of the log from which on it is copied into the file; 1 MiB by default. Four times as much is reserved for it. */
  readonly logBytesMax?: number;
  readonly logger?: Logger;
}

export const queueFileName = "queue.sqlite";

const waitingBytesDefault = 64 * 2 ** 20;
const queueLogBytesMax = 2 ** 20;
const keyBytesMax = 200;
/** Records removed in one step: about 1 ms of the thread that answers decisions. */
const removedPerStep = 200;

const schema = `
  CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS size (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    records INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  INSERT OR IGNORE INTO size VALUES (1, 0, 0);
`;

/**
 * A queue in a SQLite file of its own; a call resolves when its commit is on disk. The log has its room on the disk from
 * the start, so that records can be removed where the disk takes no more, and make room again.
 */
export class SqliteDiskQueue implements DiskQueue {
  readonly #file: SqliteFile;
  readonly #commits: GroupCommit<QueueGroup>;
  readonly #waitingBytesMax: number;
  readonly #read: StatementSync;
  readonly #find: StatementSync;
  #waitingBytes = 0;
  #size: DiskQueueSize;
  #closing: Promise<void> | undefined;

  /** @throws BanditError failed_precondition when it cannot be opened. */
  static open(options: SqliteDiskQueueOptions): SqliteDiskQueue {
    const { directory, logger, logBytesMax = queueLogBytesMax } = options;
    let file: SqliteFile | undefined;
    try {
      const logBytesReserved = 4 * logBytesMax;
      const name = queueFileName;
      const place = { directory, name, schema, logBytesMax, logBytesReserved, logger };
      file = SqliteFile.open(place);
      return new SqliteDiskQueue(file, options);
    } catch (error) {
      void file?.close();
      throw new BanditError(
        "failed_precondition",
        `the queue in ${options.directory} cannot be opened`,
        { reason: "DISK_QUEUE_NOT_OPENED", cause: error },
      );
    }
  }

  private constructor(file: SqliteFile, options: SqliteDiskQueueOptions) {
    this.#file = file;
    this.#waitingBytesMax = options.waitingBytesMax ?? waitingBytesDefault;
    this.#read = file.prepare("SELECT id, key, text FROM record WHERE id > ? ORDER BY id");
    this.#find = file.prepare("SELECT id, key, text FROM record WHERE key = ?");
    const statements = new QueueStatements(file);
    const { bytesMax } = options;
    this.#size = { ...statements.storedSize(), bytesMax };
    this.#commits = new GroupCommit({
      file,
      openGroup: () =>
        new QueueGroup(statements, this.#size, (size) => {
          this.#size = size;
        }),
      isFlushed: true,
      translate: translateError,
      // Bounded by waitingBytesMax, which has an error of its own.
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
      await this.#commits.run((group) => {
        if (!this.#file.hasRoom) throw queueFull("the disk of the queue is full");
        group.append(records);
      }, bytes);
    } finally {
      this.#waitingBytes -= bytes;
    }
  }

  read(options: { bytesMax: number; afterId?: number }): readonly DiskRecord[] {
    this.#requireOpen();
    const found: DiskRecord[] = [];
    let bytes = 0;
    for (const row of this.#read.iterate(options.afterId ?? 0)) {
      const { id, key, text } = row as unknown as DiskRecord;
      bytes += recordBytes({ key, text });
      if (found.length > 0 && bytes > options.bytesMax) break;
      found.push({ id, key, text });
    }
    return found;
  }

  has(key: string): boolean {
    return this.find(key) !== undefined;
  }

  find(key: string): DiskRecord | undefined {
    this.#requireOpen();
    const row = this.#find.get(key) as DiskRecord | undefined;
    return row && { ...row };
  }

  async remove(ids: readonly number[]): Promise<void> {
    this.#requireOpen();
    for (let from = 0; from < ids.length; from += removedPerStep) {
      const step = ids.slice(from, from + removedPerStep);
      await this.#commits.run((group) => group.remove(step));
    }
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#commits.close();
      await this.#file.close();
    })();
    return this.#closing;
  }

  #requireOpen(): void {
    if (this.#closing === undefined) return;
    throw new BanditError("unavailable", "the queue on disk is closed", {
      reason: "DISK_QUEUE_CLOSED",
    });
  }
}

class QueueStatements {
  readonly savepoint: StatementSync;
  readonly release: StatementSync;
  readonly undo: StatementSync;
  readonly append: StatementSync;
  readonly remove: StatementSync;
  readonly putSize: StatementSync;
  readonly #findSize: StatementSync;

  constructor(file: SqliteFile) {
    this.savepoint = file.prepare("SAVEPOINT call");
    this.release = file.prepare("RELEASE call");
    this.undo = file.prepare("ROLLBACK TO call");
    this.append = file.prepare("INSERT OR IGNORE INTO record (key, text) VALUES (?, ?)");
    this.remove = file.prepare(
      "DELETE FROM record WHERE id = ? RETURNING octet_length(key) + octet_length(text) AS bytes",
    );
    this.putSize = file.prepare("UPDATE size SET records = ?, bytes = ?");
    this.#findSize = file.prepare("SELECT records, bytes FROM size");
  }

  storedSize(): { records: number; bytes: number } {
    return this.#findSize.get() as { records: number; bytes: number };
  }
}

/** What the calls of one transaction on the queue share. */
class QueueGroup implements CallGroup {
  readonly #statements: QueueStatements;
  readonly #onCommitted: (size: DiskQueueSize) => void;
  #size: DiskQueueSize;

  constructor(
    statements: QueueStatements,
    size: DiskQueueSize,
    onCommitted: (size: DiskQueueSize) => void,
  ) {
    this.#statements = statements;
    this.#size = size;
    this.#onCommitted = onCommitted;
  }

  /** @throws BanditError resource_exhausted (DISK_QUEUE_FULL); nothing is written then. */
  append(inputs: readonly DiskRecordInput[]): void {
    const { savepoint, release, undo, append } = this.#statements;
    savepoint.run();
    let { records, bytes } = this.#size;
    for (const { key, text } of inputs) {
      if (append.run(key, text).changes === 0) continue;
      records += 1;
      bytes += recordBytes({ key, text });
    }
    const { bytesMax } = this.#size;
    if (bytes > bytesMax) undo.run();
    release.run();
    if (bytes > bytesMax) {
      throw queueFull(`the queue on disk has reached its bound of ${bytesMax} bytes`);
    }
    this.#size = { records, bytes, bytesMax };
  }

  remove(ids: readonly number[]): void {
    let { records, bytes } = this.#size;
    for (const id of ids) {
      const removed = this.#statements.remove.get(id);
      if (removed === undefined) continue;
      records -= 1;
      bytes -= removed["bytes"] as number;
    }
    this.#size = { ...this.#size, records, bytes };
  }

  finish(): void {
    this.#statements.putSize.run(this.#size.records, this.#size.bytes);
  }

  committed(): void {
    this.#onCommitted(this.#size);
  }
}

function recordBytes({ key, text }: DiskRecordInput): number {
  return Buffer.byteLength(key) + Buffer.byteLength(text);
}

function queueFull(message: string, cause?: unknown): BanditError {
  return new BanditError("resource_exhausted", message, {
    reason: "DISK_QUEUE_FULL",
    retryAfterMs: 1000,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A bug stays what it is: that a disk is full is believed, waited for and looked for by operators. */
function translateError(error: unknown): unknown {
  if (!isOfSqlite(error) && !isOfSystem(error)) return error;
  if (tellsOfNoRoom(error)) {
    return queueFull("the disk of the queue is full or cannot be written", error);
  }
  return new BanditError("unavailable", "the queue on disk cannot be written", {
    reason: "DISK_QUEUE_UNAVAILABLE",
    cause: error,
  });
}
