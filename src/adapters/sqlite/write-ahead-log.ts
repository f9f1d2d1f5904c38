import { once } from "node:events";
import { closeSync, fdatasync, fstatSync, openSync, statfsSync, writeSync } from "node:fs";
import { statfs } from "node:fs/promises";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { RepeatedWork } from "../../concurrency/repeated-work.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { CheckpointReply, CheckpointRequest } from "./checkpoint-protocol.ts";
import { tellsOfNoRoom } from "./sqlite-errors.ts";

export interface WriteAheadLogOptions {
  /** Of the database. */
  readonly path: string;
  readonly database: DatabaseSync;
  /** From here on the log is copied into the database; at twice as much, writes wait for that. */
  readonly bytesMax: number;
  readonly logger: Logger | undefined;
  /** Told once a second. */
  readonly onBytes: ((bytes: number) => void) | undefined;
}

const flushIntervalMs = 1_000;
/** Copied while nothing is written: about 1 ms, and the flushes. */
const heldPagesMax = 256;
const passesMax = 4;

const dataSync = promisify(fdatasync);

/**
 * The write-ahead log of a SQLite file. A commit appends to it and flushes nothing; this class flushes it, once a second
 * or when it is asked to, and has it copied into the database (a checkpoint) when it has grown. Both wait for the disk
 * on other threads.
 *
 * A checkpoint beside writes never comes to an end, and the log begins anew only after one that did. So most of it is
 * copied beside writes, and the rest while writes are held.
 */
export class WriteAheadLog {
  readonly #options: WriteAheadLogOptions;
  readonly #file: number;
  readonly #pageBytes: number;
  readonly #size: StatementSync;
  readonly #rounds: RepeatedWork;
  #bytes = 0;
  #commits = 0;
  /** Before the first flush: a process that was killed may have committed what is not on disk yet. */
  #flushedCommits = -1;
  /** Of a flush that has failed, until all of the log is in the database. */
  #flushFailure: Error | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #nextFlush: Promise<void> | undefined;
  #worker: Worker | undefined;
  #checkpoint: Promise<void> | undefined;
  #beginsAtBytes: number;
  #held: { readonly promise: Promise<void>; release(): void } | undefined;
  #isFull = false;
  #isScarce: boolean;

  constructor(options: WriteAheadLogOptions) {
    this.#options = options;
    this.#beginsAtBytes = options.bytesMax;
    const { page_size: pageBytes } = options.database.prepare("PRAGMA page_size").get() as {
      page_size: number;
    };
    this.#pageBytes = pageBytes;
    this.#isScarce = this.#isTooLittle(statfsSync(options.path));
    this.#size = options.database.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#file = openSync(`${options.path}-wal`, "r+");
    this.#rounds = new RepeatedWork({
      work: () => this.#round(),
      pauseMs: flushIntervalMs,
      onFailure: (error) => options.logger?.error("a log on disk cannot be flushed", { error }),
    });
    this.#rounds.start();
  }

  /** Of the log; what it was before it began anew does not count. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True from when the disk took no more until it has taken all of the log. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /**
   * False while the disk is full, or has less than what the log and the file may need for what is being written: only
   * removals may be written then.
   */
  get hasRoom(): boolean {
    return !this.#isFull && !this.#isScarce;
  }

  /** Writes wait for it. */
  get held(): Promise<void> | undefined {
    return this.#held?.promise;
  }

  /** Takes room on the disk for a log of so many bytes now, as far as there is any. Before the first commit. */
  reserve(bytes: number): void {
    const from = fstatSync(this.#file).size;
    try {
      if (from < bytes) writeSync(this.#file, Buffer.alloc(bytes - from), 0, bytes - from, from);
    } catch (error) {
      this.#options.logger?.warn("the disk has no room for a log", { error });
    }
  }

  /** To be told of every commit. Never throws: it has happened. */
  committed(): void {
    this.#commits += 1;
    try {
      const { log } = this.#size.get() as { log: number };
      this.#bytes = log * this.#pageBytes;
    } catch (error) {
      this.#options.logger?.error("the size of a log on disk cannot be read", { error });
    }
    if (this.#bytes < this.#beginsAtBytes) return;
    if (this.#bytes >= this.#beginsAtBytes + this.#options.bytesMax) this.#hold();
    void this.checkpoint();
  }

  /** To be told of a commit that found no room. */
  noRoom(): void {
    this.#isFull = true;
    void this.checkpoint();
  }

  /**
   * Resolves when everything is on disk that was committed before the call. Rejects with the system's error: also later
   * calls, until all of the log was copied into the database. The system may have dropped what it could not write, and
   * would call the next flush a success without it.
   */
  flush(): Promise<void> {
    this.#nextFlush ??= this.#flushing
      .catch(() => undefined)
      .then(() => {
        this.#nextFlush = undefined;
        this.#flushing = this.#flushNow();
        return this.#flushing;
      });
    return this.#nextFlush;
  }

  /** Copies the log into the database and lets it begin anew, as far as that can be done now. Never rejects. */
  checkpoint(): Promise<void> {
    this.#checkpoint ??= this.#copy().finally(() => {
      this.#checkpoint = undefined;
      this.#held?.release();
      this.#held = undefined;
    });
    return this.#checkpoint;
  }

  /** The database is to be closed after it. */
  async close(): Promise<void> {
    await this.#rounds.stop();
    await this.#checkpoint;
    // What is in it now is copied when the database is closed, which flushes: not much is left to that.
    if (this.#bytes > this.#options.bytesMax / 8) await this.checkpoint();
    await this.#nextFlush?.catch(() => undefined);
    await this.#flushing.catch(() => undefined);
    const worker = this.#worker;
    if (worker !== undefined) {
      worker.ref();
      const ended = new Promise((resolve) => worker.once("exit", resolve));
      worker.postMessage("close" satisfies CheckpointRequest);
      await ended;
    }
    closeSync(this.#file);
  }

  async #round(): Promise<void> {
    this.#options.onBytes?.(this.#bytes);
    await this.flush();
    this.#isScarce = this.#isTooLittle(await statfs(this.#options.path));
    if (this.#isFull) await this.checkpoint();
  }

  #isTooLittle({ bavail, bsize }: { bavail: number; bsize: number }): boolean {
    return bavail * bsize < 2 * this.#options.bytesMax;
  }

  async #flushNow(): Promise<void> {
    if (this.#flushFailure !== undefined) await this.checkpoint();
    if (this.#flushFailure !== undefined) throw this.#flushFailure;
    const commits = this.#commits;
    if (commits === this.#flushedCommits) return;
    try {
      await dataSync(this.#file);
    } catch (error) {
      this.#flushFailure = error as Error;
      throw error;
    }
    this.#flushedCommits = commits;
  }

  #hold(): void {
    if (this.#held !== undefined) return;
    let release = (): void => undefined;
    const promise = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#held = { promise, release };
  }

  async #copy(): Promise<void> {
    const { bytesMax, logger } = this.#options;
    for (let pass = 0; pass < passesMax && this.#held === undefined; pass += 1) {
      const { pages, copied, failure } = await this.#ask("passive");
      if (failure !== undefined || pages - copied <= heldPagesMax) break;
    }
    this.#hold();
    const { failure } = await this.#ask("restart");
    if (failure === undefined) {
      this.#isFull = false;
      this.#flushFailure = undefined;
      this.#bytes = 0;
      this.#beginsAtBytes = bytesMax;
      return;
    }
    const error = Object.assign(new Error(failure.message), {
      code: "ERR_SQLITE_ERROR",
      errcode: failure.errcode,
    });
    if (tellsOfNoRoom(error)) this.#isFull = true;
    this.#beginsAtBytes = this.#bytes + bytesMax;
    logger?.warn("a log on disk could not be restarted and keeps growing", {
      error,
      bytes: this.#bytes,
    });
  }

  async #ask(request: CheckpointRequest): Promise<CheckpointReply> {
    try {
      this.#worker ??= this.#startWorker();
      this.#worker.ref();
      this.#worker.postMessage(request);
      const [reply] = await once(this.#worker, "message");
      this.#worker.unref();
      return reply as CheckpointReply;
    } catch (error) {
      const { message } = error as Error;
      return { pages: 0, copied: 0, failure: { message, errcode: 0 } };
    }
  }

  #startWorker(): Worker {
    const worker = new Worker(new URL("./checkpoint-worker.ts", import.meta.url), {
      workerData: this.#options.path,
    });
    // An error ends it, whether it is asked something then or not.
    worker.on("error", () => {
      this.#worker = undefined;
    });
    return worker;
  }
}
