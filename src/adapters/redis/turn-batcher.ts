import { BanditError } from "../../domain/errors.ts";

interface PendingCall<Input, Output> {
  readonly input: Input;
  readonly resolve: (output: Output) => void;
  readonly reject: (error: unknown) => void;
}

/** How many calls of a store are collected or under way; one for all of its batchers. */
export class CallBudget {
  readonly #callsMax: number;
  #open = 0;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(callsMax: number) {
    this.#callsMax = callsMax;
  }

  /** @throws BanditError resource_exhausted, or unavailable after {@link close}. */
  take(): void {
    if (this.#closed) {
      throw new BanditError("unavailable", "the state store is closed", { reason: "STATE_CLOSED" });
    }
    if (this.#open >= this.#callsMax) {
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
  }

  giveBack(count: number): void {
    this.#open -= count;
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
  readonly #send: (partition: number, inputs: readonly Input[]) => Promise<readonly Output[]>;
  readonly #turn = new Map<number, PendingCall<Input, Output>[]>();
  #scheduled = false;

  constructor(options: {
    budget: CallBudget;
    /** Calls sent together at most, so that one step does not occupy the server for long. */
    batchMax: number;
    /** Rejects with the error every caller of the batch gets. */
    send: (partition: number, inputs: readonly Input[]) => Promise<readonly Output[]>;
  }) {
    this.#budget = options.budget;
    this.#batchMax = options.batchMax;
    this.#send = options.send;
  }

  /** @throws BanditError resource_exhausted, unavailable */
  call(partition: number, input: Input): Promise<Output> {
    this.#budget.take();
    return new Promise((resolve, reject) => {
      const call = { input, resolve, reject };
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
      for (let from = 0; from < calls.length; from += this.#batchMax) {
        void this.#sendBatch(partition, calls.slice(from, from + this.#batchMax));
      }
    }
  }

  async #sendBatch(partition: number, calls: readonly PendingCall<Input, Output>[]): Promise<void> {
    try {
      const outputs = await this.#send(
        partition,
        calls.map((call) => call.input),
      );
      for (const [index, call] of calls.entries()) call.resolve(outputs[index] as Output);
    } catch (error) {
      for (const call of calls) call.reject(error);
    } finally {
      this.#budget.giveBack(calls.length);
    }
  }
}
