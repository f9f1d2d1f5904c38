import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { itemsPerTurn, Turns } from "../../../src/concurrency/lanes.ts";

it("begins no more items in a turn than are allowed, of all batches together, and answers in order", async () => {
  const turns = new Turns();
  let begunInTurn = 0;
  let most = 0;
  const items = Array.from({ length: 3 * itemsPerTurn + 7 }, (_, index) => index);
  const batches = Array.from({ length: 5 }, () =>
    turns.run(items, async (item) => {
      begunInTurn += 1;
      most = Math.max(most, begunInTurn);
      return item;
    }),
  );
  let isOver = false;
  let others = 0;
  const watch = async () => {
    for (; !isOver; others += 1) {
      begunInTurn = 0;
      await nextTurn();
    }
  };
  const watching = watch();
  expect(await Promise.all(batches)).toEqual(batches.map(() => items));
  isOver = true;
  await watching;
  expect(most).toBeLessThanOrEqual(itemsPerTurn);
  // Others had their turns in between.
  expect(others).toBeGreaterThanOrEqual(5 * 3);
});
