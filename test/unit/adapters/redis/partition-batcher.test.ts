import { describe, expect, it } from "vitest";
import { CallBudget } from "../../../../src/adapters/redis/call-budget.ts";
import { PartitionBatcher } from "../../../../src/adapters/redis/partition-batcher.ts";
import { BanditError } from "../../../../src/domain/errors.ts";

/** A server that answers when it is told to. */
class HeldServer {
  readonly batches: { partition: number; inputs: readonly number[] }[] = [];
  readonly #held: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  readonly batcher: PartitionBatcher<number, number>;
  readonly budget = new CallBudget({ callsMax: 100, bytesMax: 1_000 });

  constructor(batchMax: number) {
    this.batcher = new PartitionBatcher({
      budget: this.budget,
      batchMax,
      bytesOf: () => 1,
      send: (partition, inputs) => {
        this.batches.push({ partition, inputs });
        return new Promise((resolve, reject) => {
          this.#held.push({ resolve: () => resolve(inputs.map((input) => input * 10)), reject });
        });
      },
    });
  }

  async answer(error?: unknown): Promise<void> {
    const held = this.#held.shift();
    if (error === undefined) held?.resolve();
    else held?.reject(error);
    await turn();
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

describe("partition batcher", () => {
  it("sends the calls of one turn together, and those that come meanwhile as the next batch, in order", async () => {
    const server = new HeldServer(10);
    const answers = [1, 2].map((input) => server.batcher.call(0, input));
    await turn();
    answers.push(...[3, 4, 5].map((input) => server.batcher.call(0, input)));
    await turn();
    expect(server.batches).toEqual([{ partition: 0, inputs: [1, 2] }]);
    await server.answer();
    expect(server.batches.at(-1)).toEqual({ partition: 0, inputs: [3, 4, 5] });
    await server.answer();
    expect(await Promise.all(answers)).toEqual([10, 20, 30, 40, 50]);
    await server.budget.close();
  });

  it("keeps one partition's wait from another, and a batch to its size", async () => {
    const server = new HeldServer(2);
    const answers = [1, 2, 3].map((input) => server.batcher.call(0, input));
    await turn();
    answers.push(server.batcher.call(1, 9));
    await turn();
    expect(server.batches).toEqual([
      { partition: 0, inputs: [1, 2] },
      { partition: 1, inputs: [9] },
    ]);
    for (let step = 0; step < 3; step += 1) await server.answer();
    expect(await Promise.all(answers)).toEqual([10, 20, 30, 90]);
  });

  it("fails those who wait behind a server that is down, and gives their places back", async () => {
    const server = new HeldServer(2);
    const calls = [1, 2, 3, 4, 5].map((input) => server.batcher.call(0, input));
    const settled = Promise.allSettled(calls);
    await turn();
    await server.answer(new BanditError("unavailable", "down", { reason: "STATE_UNAVAILABLE" }));
    expect((await settled).map(({ status }) => status)).toEqual(Array(5).fill("rejected"));
    expect(server.batches).toHaveLength(1);
    await server.budget.close();
  });
});
