import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Logger } from "../../ports/telemetry.ts";
import { ForeignFileError, tellsOfNoRoom } from "./sqlite-errors.ts";
import { WriteAheadLog } from "./write-ahead-log.ts";

export interface SqliteFileOptions {
  /** Created when missing. The caller sees to it that no other process writes there. */
  readonly directory: string;
  /** Of the database in it; its log and the log's index are beside it. */
  readonly name: string;
  /** Statements that make what is missing of the tables. */
  readonly schema: string;
  /** The log is copied into the database when it has grown to this; twice as much at most, and one group of commits. */
  readonly logBytesMax: number;
  /** Room that the log has on the disk from the start; 0 by default. */
  readonly logBytesReserved?: number;
  readonly logger?: Logger | undefined;
  /** Told of the log's size once a second. */
  readonly onLogBytes?: ((bytes: number) => void) | undefined;
}

/** "band": tells a file of ours from one of somebody else. */
const applicationId = 0x62616e64;
/**
 * A commit writes whole pages to the log, and one that is alone changes four: 17 KB of log in pages of 4 KiB, 7 KB in these,
 * 3.1 and 1.5 KB a decision where 16 share a commit, at the same CPU time. At 5,000 commits a second that is the
 * difference between 85 and 35 MB/s, which a checkpoint has to copy and flush beside them.
 */
const pageBytes = 1024;
/** Pages kept in memory. */
const cacheKib = 16 * 1024;
/** Moved from the end of the file and cut off, in one commit: about 2 ms. */
const pagesCutPerCommit = 256;

/**
 * A SQLite database for one process. A commit survives the end of the process in whatever way; it is on disk within a second
 * ({@link WriteAheadLog}), or when {@link flush} has resolved, and in the order of the commits: a power cut takes
 * away the newest of them, and never damages the file.
 */
export class SqliteFile {
  readonly #database: DatabaseSync;
  readonly #log: WriteAheadLog;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;

  /** @throws the system's or SQLite's error, also for a damaged file or one that is none of ours. */
  static open(options: SqliteFileOptions): SqliteFile {
    const directory = resolve(options.directory);
    mkdirSync(directory, { recursive: true });
    const path = join(directory, options.name);
    const database = new DatabaseSync(path, { timeout: 100 });
    try {
      if (prepareDatabase(database, options.schema)) flushDirectories(directory);
      // Another program that writes to the file makes a commit fail: the thread that answers decisions does not wait for it.
      database.exec("PRAGMA busy_timeout = 0");
      const log = new WriteAheadLog({
        path,
        database,
        bytesMax: options.logBytesMax,
        logger: options.logger,
        onBytes: options.onLogBytes,
      });
      if (options.logBytesReserved !== undefined) log.reserve(options.logBytesReserved);
      return new SqliteFile(database, log);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  private constructor(database: DatabaseSync, log: WriteAheadLog) {
    this.#database = database;
    this.#log = log;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#rollback = database.prepare("ROLLBACK");
  }

  /** False: only removals may be written. */
  get hasRoom(): boolean {
    return this.#log.hasRoom;
  }

  /** True: {@link makeRoom} is to be called after removals. */
  get isFull(): boolean {
    return this.#log.isFull;
  }

  /** While it is there, no transaction may begin. */
  get held(): Promise<void> | undefined {
    return this.#log.held;
  }

  prepare(sql: string): StatementSync {
    return this.#database.prepare(sql);
  }

  /** Runs `work` in one transaction. Nothing of it is written when it throws. */
  transaction<Result>(work: () => Result): Result {
    let result: Result;
    try {
      this.#begin.run();
      result = work();
      this.#commit.run();
    } catch (error) {
      if (this.#database.isTransaction) this.#rollback.run();
      if (tellsOfNoRoom(error)) this.#log.noRoom();
      throw error;
    }
    this.#log.committed();
    return result;
  }

  /** Resolves when everything that was committed before the call is on disk. Rejects with the system's error. */
  flush(): Promise<void> {
    return this.#log.flush();
  }

  /**
   * After a removal on a full disk: cuts pages that were freed off the end of the file, so that the disk has room for what
   * is in the log, and copies that.
   */
  async makeRoom(): Promise<void> {
    if (this.held !== undefined) await this.held;
    if (!this.isFull) return;
    try {
      this.transaction(() =>
        this.#database.exec(`PRAGMA incremental_vacuum(${pagesCutPerCommit})`),
      );
    } catch (error) {
      // The removal has happened; the next one tries again.
      if (!tellsOfNoRoom(error)) throw error;
    }
    await this.#log.checkpoint();
  }

  /** To be called once, with no transaction under way. */
  async close(): Promise<void> {
    await this.#log.close();
    this.#database.close();
  }
}

/** @returns true when it had nothing in it. */
function prepareDatabase(database: DatabaseSync, schema: string): boolean {
  const { application_id: id } = database.prepare("PRAGMA application_id").get() as {
    application_id: number;
  };
  const isEmpty = database.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
  if (id !== applicationId && !isEmpty)
    throw new ForeignFileError("the file belongs to another program");
  database.exec(`
    PRAGMA page_size = ${pageBytes};
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA cache_size = -${cacheKib};
    BEGIN IMMEDIATE;
    ${id === applicationId ? "" : `PRAGMA application_id = ${applicationId};`}
    ${schema}
    COMMIT;
  `);
  // Where the disk is full, the file can be cut down to what it was made with, and has to take that.
  if (isEmpty) database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  return isEmpty;
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
