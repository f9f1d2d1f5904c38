import { BanditError } from "../../domain/errors.ts";
import { stepBytesMax } from "../../ports/outbox-bounds.ts";

/** One transaction under construction. */
export interface CommitBatch {
  /** Writes everything planned so far, durably, all or nothing. */
  commit(): Promise<void>;
}

/** Planning and writing run on the thread that answers decisions: some 15 µs a call, so 3 ms a group. */
const callsPerGroupMax = 200;

interface WaitingCall<Batch> {
  readonly plan: (batch: Batch) => unknown;
  readonly bytes: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs calls in groups: the calls of one event-loop turn, and those that come while the previous
 * group is being committed, share the next transaction (200 and 8 MiB at most). One transaction is under way at a time, so
 * a plan reads what is committed plus what its own batch holds, and a failed commit fails exactly
 * the calls of its group.
 */
export class GroupCommit<Batch extends CommitBatch> {
  readonly #openBatch: () => Batch;
  readonly #translate: (error: unknown) => unknown;
  readonly #callsMax: number;
  readonly #bytesMax: number;
  readonly #waiting: WaitingCall<Batch>[] = [];
  /** Of the calls that wait and of those being committed. */
  #bytes = 0;
  #busy = false;
  #closed = false;
  #idle: (() => void)[] = [];

  /** @param options.translate turns the driver's error into the one callers get. */
  constructor(options: {
    openBatch: () => Batch;
    translate: (error: unknown) => unknown;
    callsMax: number;
    bytesMax: number;
  }) {
    this.#openBatch = options.openBatch;
    this.#translate = options.translate;
    this.#callsMax = options.callsMax;
    this.#bytesMax = options.bytesMax;
  }

  /**
   * Runs `plan` in the next group and resolves with its result once the group is committed. A plan that
   * throws fails its own call only; it must throw before it writes.
   * @param bytes what the call holds and will write, where that can be much.
   * @throws BanditError resource_exhausted when too many calls or bytes wait, unavailable after {@link close}.
   */
  run<Result>(plan: (batch: Batch) => Result, bytes = 0): Promise<Result> {
    if (this.#closed) {
      return Promise.reject(
        new BanditError("unavailable", "the state store is closed", { reason: "STATE_CLOSED" }),
      );
    }
    if (this.#waiting.length >= this.#callsMax || this.#bytes + bytes > this.#bytesMax) {
      return Promise.reject(
        new BanditError("resource_exhausted", "too many writes are waiting for the state store", {
          reason: "STATE_QUEUE_FULL",
          retryAfterMs: 100,
        }),
      );
    }
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ plan, bytes, resolve: resolve as (value: unknown) => void, reject });
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
    const group = this.#takeGroup();
    const planned: { call: WaitingCall<Batch>; result: unknown }[] = [];
    try {
      const batch = this.#openBatch();
      for (const call of group) {
        try {
          planned.push({ call, result: call.plan(batch) });
        } catch (error) {
          call.reject(this.#translate(error));
        }
      }
      await batch.commit();
      for (const { call, result } of planned) call.resolve(result);
    } catch (error) {
      const translated = this.#translate(error);
      for (const { call } of planned) call.reject(translated);
    }
    for (const call of group) this.#bytes -= call.bytes;
    this.#busy = false;
    if (this.#waiting.length > 0) this.#schedule();
    else for (const resolve of this.#idle.splice(0)) resolve();
  }

  #takeGroup(): WaitingCall<Batch>[] {
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
