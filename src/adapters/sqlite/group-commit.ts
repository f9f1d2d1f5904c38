import { BanditError } from "../../domain/errors.ts";
import { stepBytesMax } from "../../ports/outbox-bounds.ts";
import { isOfSqlite } from "./sqlite-errors.ts";
import type { SqliteFile } from "./sqlite-file.ts";

/** What the calls of one transaction share. */
export interface CallGroup {
  /** Writes what its calls have gathered; part of the transaction. */
  finish(): unknown;
  /** Told that the transaction is committed. */
  committed(): unknown;
}

/** Calls run on the thread that answers decisions: some 20 µs each, so 4 ms a group. */
const callsPerGroupMax = 200;

interface WaitingCall<Group> {
  readonly work: (group: Group) => unknown;
  readonly bytes: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupCommitOptions<Group extends CallGroup> {
  readonly file: SqliteFile;
  readonly openGroup: () => Group;
  /** Whether a call resolves only when its commit is on disk. */
  readonly isFlushed: boolean;
  /** Turns an error of the engine into the one callers get. */
  readonly translate: (error: unknown) => unknown;
  readonly callsMax: number;
  readonly bytesMax: number;
}

/**
 * Runs calls in groups: those of one turn of the event loop share a transaction (200 and 8 MiB at most), and so do those
 * that come while the disk is waited for. A failed transaction fails exactly the calls of its group.
 */
export class GroupCommit<Group extends CallGroup> {
  readonly #options: GroupCommitOptions<Group>;
  readonly #waiting: WaitingCall<Group>[] = [];
  /** Of the calls that wait and of those being committed. */
  #bytes = 0;
  #busy = false;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: GroupCommitOptions<Group>) {
    this.#options = options;
  }

  /**
   * Runs `work` in the next transaction and resolves with its result once that is committed. Work that throws an error of
   * ours fails its own call only; it must throw before it writes.
   * @param bytes what the call holds and will write, where that can be much.
   * @throws BanditError resource_exhausted when too many calls or bytes wait, unavailable after {@link close}.
   */
  run<Result>(work: (group: Group) => Result, bytes = 0): Promise<Result> {
    if (this.#closed) {
      return Promise.reject(
        new BanditError("unavailable", "the state store is closed", { reason: "STATE_CLOSED" }),
      );
    }
    const { callsMax, bytesMax } = this.#options;
    if (this.#waiting.length >= callsMax || this.#bytes + bytes > bytesMax) {
      return Promise.reject(
        new BanditError("resource_exhausted", "too many writes are waiting for the state store", {
          reason: "STATE_QUEUE_FULL",
          retryAfterMs: 100,
        }),
      );
    }
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ work, bytes, resolve: resolve as (value: unknown) => void, reject });
      this.#bytes += bytes;
      this.#schedule();
    });
  }

  /** Refuses new calls and resolves when those under way have finished. */
  close(): Promise<void> {
    this.#closed = true;
    if (!this.#busy) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    if (this.#busy) return;
    this.#busy = true;
    setImmediate(() => void this.#commitGroup());
  }

  async #commitGroup(): Promise<void> {
    const { file, isFlushed, translate } = this.#options;
    if (file.held !== undefined) await file.held;
    const calls = this.#takeGroup();
    const results = new Map<WaitingCall<Group>, unknown>();
    try {
      const group = file.transaction(() => this.#runCalls(calls, results));
      group.committed();
      if (isFlushed) await file.flush();
      if (file.isFull) await file.makeRoom();
      for (const [call, result] of results) call.resolve(result);
    } catch (error) {
      const translated = translate(error);
      // One that has failed by itself keeps its own error.
      for (const call of calls) call.reject(translated);
    }
    for (const call of calls) this.#bytes -= call.bytes;
    this.#busy = false;
    if (this.#waiting.length > 0) this.#schedule();
    else for (const resolve of this.#idle.splice(0)) resolve();
  }

  #runCalls(
    calls: readonly WaitingCall<Group>[],
    results: Map<WaitingCall<Group>, unknown>,
  ): Group {
    const group = this.#options.openGroup();
    for (const call of calls) {
      try {
        results.set(call, call.work(group));
      } catch (error) {
        if (isOfSqlite(error)) throw error;
        call.reject(error);
      }
    }
    group.finish();
    return group;
  }

  #takeGroup(): WaitingCall<Group>[] {
    let calls = 0;
    let bytes = 0;
    for (const call of this.#waiting) {
      if (calls >= callsPerGroupMax || (calls > 0 && bytes + call.bytes > stepBytesMax)) break;
      calls += 1;
      bytes += call.bytes;
    }
    return this.#waiting.splice(0, calls);
  }
}
