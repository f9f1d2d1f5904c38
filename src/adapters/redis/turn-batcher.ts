import { BanditError } from "../../domain/errors.ts";
import { stepBytesMax } from "../../ports/outbox-bounds.ts";

interface PendingCall<Input, Output> {
  readonly input: Input;
  readonly bytes: number;
  readonly resolve: (output: Output) => void;
  readonly reject: (error: unknown) => void;
}

/** How many calls of a store are collected or under way, and how much they hold; one for all of its batchers. */
export class CallBudget {
  readonly #callsMax: number;
  readonly #bytesMax: number;
  #open = 0;
  #bytes = 0;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: { callsMax: number; bytesMax: number }) {
    this.#callsMax = options.callsMax;
    this.#bytesMax = options.bytesMax;
  }

  /** @throws BanditError resource_exhausted, or unavailable after {@link close}. */
  take(bytes = 0): void {
    if (this.#closed) {
      throw new BanditError("unavailable", "the state store is closed", { reason: "STATE_CLOSED" });
    }
    if (this.#open >= this.#callsMax || this.#bytes + bytes > this.#bytesMax) {
      throw new BanditError(
        "resource_exhausted",
        "too many calls are waiting for the state store",
        {
          reason: "STATE_QUEUE_FULL",
          retryAfterMs: 100,
        },
      );
    }
    this.#open += 1;
    this.#bytes += bytes;
  }

  giveBack(calls: number, bytes = 0): void {
    this.#open -= calls;
    this.#bytes -= bytes;
    if (this.#open === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Refuses new calls and resolves when none is open. */
  close(): Promise<void> {
    this.#closed = true;
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }
}

/**
 * Collects the calls of one event-loop turn and sends them together, one call of `send` for each
 * partition. Calls of one partition keep their order.
 */
export class TurnBatcher<Input, Output> {
  readonly #budget: CallBudget;
  readonly #batchMax: number;
  readonly #bytesOf: (input: Input) => number;
  readonly #send: (partition: number, inputs: readonly Input[]) => Promise<readonly Output[]>;
  readonly #turn = new Map<number, PendingCall<Input, Output>[]>();
  #scheduled = false;

  constructor(options: {
    budget: CallBudget;
    /** Calls sent together at most, so that one step does not occupy the server for long. */
    batchMax: number;
    /** What a call writes, where that can be much. A batch has 8 MiB at most, or one call. */
    bytesOf: (input: Input) => number;
    /** Rejects with the error every caller of the batch gets. */
    send: (partition: number, inputs: readonly Input[]) => Promise<readonly Output[]>;
  }) {
    this.#budget = options.budget;
    this.#batchMax = options.batchMax;
    this.#bytesOf = options.bytesOf;
    this.#send = options.send;
  }

  /** @throws BanditError resource_exhausted, unavailable */
  call(partition: number, input: Input): Promise<Output> {
    const bytes = this.#bytesOf(input);
    this.#budget.take(bytes);
    return new Promise((resolve, reject) => {
      const call = { input, bytes, resolve, reject };
      const calls = this.#turn.get(partition);
      if (calls === undefined) this.#turn.set(partition, [call]);
      else calls.push(call);
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    this.#scheduled = false;
    const turn = [...this.#turn];
    this.#turn.clear();
    for (const [partition, calls] of turn) {
      let from = 0;
      let bytes = 0;
      for (let index = 0; index < calls.length; index += 1) {
        const callBytes = (calls[index] as PendingCall<Input, Output>).bytes;
        const isFull = index - from >= this.#batchMax || bytes + callBytes > stepBytesMax;
        if (index > from && isFull) {
          void this.#sendBatch(partition, calls.slice(from, index), bytes);
          from = index;
          bytes = 0;
        }
        bytes += callBytes;
      }
      void this.#sendBatch(partition, from === 0 ? calls : calls.slice(from), bytes);
    }
  }

  async #sendBatch(
    partition: number,
    calls: readonly PendingCall<Input, Output>[],
    bytes: number,
  ): Promise<void> {
    try {
      const outputs = await this.#send(
        partition,
        calls.map((call) => call.input),
      );
      for (const [index, call] of calls.entries()) call.resolve(outputs[index] as Output);
    } catch (error) {
      for (const call of calls) call.reject(error);
    } finally {
      this.#budget.giveBack(calls.length, bytes);
    }
  }
}
