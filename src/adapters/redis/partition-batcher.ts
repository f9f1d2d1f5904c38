import { BanditError } from "../../domain/errors.ts";
import { stepBytesMax } from "../../ports/outbox-bounds.ts";
import type { CallBudget } from "./call-budget.ts";

interface PendingCall<Input, Output> {
  readonly input: Input;
  readonly bytes: number;
  readonly resolve: (output: Output) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane<Input, Output> {
  readonly partition: number;
  readonly waiting: PendingCall<Input, Output>[];
  isBusy: boolean;
}

/**
 * Sends the calls of one partition together: those of one event-loop turn, and those that come while the
 * partition's previous batch is under way. So one call by itself waits for nobody, and under load the batches
 * grow by themselves; sending every turn's calls at once made batches of one or two, at 20 % more CPU for
 * each decision. Calls of one partition keep their order.
 */
export class PartitionBatcher<Input, Output> {
  readonly #budget: CallBudget;
  readonly #batchMax: number;
  readonly #bytesOf: (input: Input) => number;
  readonly #send: (partition: number, inputs: readonly Input[]) => Promise<readonly Output[]>;
  readonly #lanes = new Map<number, Lane<Input, Output>>();
  #isScheduled = false;

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
      let lane = this.#lanes.get(partition);
      if (lane === undefined) {
        lane = { partition, waiting: [], isBusy: false };
        this.#lanes.set(partition, lane);
      }
      lane.waiting.push({ input, bytes, resolve, reject });
      if (lane.isBusy || this.#isScheduled) return;
      this.#isScheduled = true;
      setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    this.#isScheduled = false;
    for (const lane of this.#lanes.values()) if (!lane.isBusy) void this.#empty(lane);
  }

  async #empty(lane: Lane<Input, Output>): Promise<void> {
    lane.isBusy = true;
    while (lane.waiting.length > 0) await this.#sendBatch(lane, this.#takeBatch(lane));
    lane.isBusy = false;
  }

  async #sendBatch(
    lane: Lane<Input, Output>,
    calls: readonly PendingCall<Input, Output>[],
  ): Promise<void> {
    try {
      const inputs = calls.map((call) => call.input);
      const outputs = await this.#send(lane.partition, inputs);
      for (const [index, call] of calls.entries()) call.resolve(outputs[index] as Output);
      this.#giveBack(calls);
    } catch (error) {
      // Calls that waited behind a server that does not answer would only wait for the same time-out again.
      const isDown = error instanceof BanditError && error.code === "unavailable";
      const failed = isDown ? [...calls, ...lane.waiting.splice(0)] : calls;
      for (const call of failed) call.reject(error);
      this.#giveBack(failed);
    }
  }

  #takeBatch(lane: Lane<Input, Output>): readonly PendingCall<Input, Output>[] {
    let calls = 0;
    let bytes = 0;
    for (const call of lane.waiting) {
      if (calls >= this.#batchMax || (calls > 0 && bytes + call.bytes > stepBytesMax)) break;
      calls += 1;
      bytes += call.bytes;
    }
    return lane.waiting.splice(0, calls);
  }

  #giveBack(calls: readonly PendingCall<Input, Output>[]): void {
    this.#budget.giveBack(
      calls.length,
      calls.reduce((sum, call) => sum + call.bytes, 0),
    );
  }
}
