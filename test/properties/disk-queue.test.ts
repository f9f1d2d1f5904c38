import fc from "fast-check";
import { expect, test } from "vitest";
import { SqliteDiskQueue } from "../../src/adapters/sqlite/sqlite-disk-queue.ts";
import { forAll } from "../support/for-all.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const bytesMax = 120;

/** What a queue promises, in the plainest way. */
class ModelQueue {
  records: { id: number; key: string; text: string }[] = [];
  lastId = 0;

  get bytes(): number {
    return this.records.reduce(
      (sum, { key, text }) => sum + Buffer.byteLength(key) + Buffer.byteLength(text),
      0,
    );
  }

  /** @returns false, with nothing changed, when there is no room. */
  append(inputs: readonly { key: string; text: string }[]): boolean {
    const before = { records: this.records, lastId: this.lastId };
    this.records = [...this.records];
    for (const input of inputs) {
      if (this.records.some(({ key }) => key === input.key)) continue;
      this.lastId += 1;
      this.records.push({ id: this.lastId, ...input });
    }
    if (this.bytes <= bytesMax) return true;
    Object.assign(this, before);
    return false;
  }

  remove(ids: readonly number[]): void {
    this.records = this.records.filter(({ id }) => !ids.includes(id));
  }
}

const input = fc.record({
  key: fc.constantFrom("a", "b", "c", "ü", "long-key"),
  text: fc.string({ unit: "binary", maxLength: 25 }),
});
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ append: fc.array(input, { maxLength: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ removeAt: fc.array(fc.nat(6), { maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.constant("reopen" as const) },
);

test(
  "any sequence of appends, removals and restarts gives what the model says",
  () =>
    forAll(
      [fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 12 })],
      { numRuns: 60 },
      async (turns) => {
        const directory = temporaryDirectory();
        let queue = SqliteDiskQueue.open({ directory, bytesMax });
        const model = new ModelQueue();
        try {
          // Steps of one turn are under way at once, so they share a transaction.
          for (const turn of turns) {
            const calls: Promise<unknown>[] = [];
            const expected: boolean[] = [];
            const ids = model.records.map(({ id }) => id);
            for (const action of turn) {
              if (action === "reopen") continue;
              if ("append" in action) {
                calls.push(queue.append(action.append));
                expected.push(model.append(action.append));
              } else {
                const chosen = action.removeAt.map((at) => ids[at] ?? 0);
                calls.push(queue.remove(chosen));
                model.remove(chosen);
                expected.push(true);
              }
            }
            const results = await Promise.allSettled(calls);
            expect(results.map(({ status }) => status === "fulfilled")).toEqual(expected);
            if (turn.includes("reopen")) {
              await queue.close();
              queue = SqliteDiskQueue.open({ directory, bytesMax });
            }
            const found = queue.read({ bytesMax: 2 ** 30 });
            expect(found.map(({ key, text }) => ({ key, text }))).toEqual(
              model.records.map(({ key, text }) => ({ key, text })),
            );
            // Only the order of ids is promised; the model takes over the numbers.
            model.records = found.map((record) => ({ ...record }));
            model.lastId = Math.max(model.lastId, ...found.map(({ id }) => id));
            expect(queue.size).toEqual({ records: found.length, bytes: model.bytes, bytesMax });
          }
        } finally {
          await queue.close();
        }
      },
    ),
  60_000,
);
