import { expect, test } from "vitest";
import {
  decodeRewardTotals,
  encodeRewardTotals,
} from "../../../../src/adapters/redis/reward-totals-codec.ts";
import { contextLengthMax } from "../../../../src/domain/contribution.ts";

test("without a context they are text that an operator can read", () => {
  const totals = { reward: -0.5, weight: 3, squares: 0.1, generations: 4, position: 1e-7 };
  expect(encodeRewardTotals({ totals, version: 9 }).toString()).toBe("-0.5 3 4 9 0.1 1e-7");
});

test("the longest context makes them 1,360 bytes longer, and its epoch", () => {
  const numbers = (length: number): number[] => Array<number>(length).fill(1 / 3);
  const context = { epoch: 1_700_000_000_000, products: numbers(153), rewards: numbers(17) };
  const totals = { reward: 1, weight: 1, squares: 1, generations: 1, position: 0 };
  const bytes = encodeRewardTotals({ totals: { ...totals, context }, version: 1 });
  expect(context.rewards).toHaveLength(contextLengthMax);
  expect(bytes).toHaveLength("1 1 1 1 1 0 1700000000000\n".length + 1360);
});

test.each([
  "",
  "hello",
  "1 2 3",
  "1 2 3 4",
  "1 2 3 4 5",
  "1 2 3 4 5 6 7",
  "1 2 3 4 5 6 7 8",
  "1 2 3 NaN 5 6",
  "Infinity 2 3 4 5 6",
  "1 -2 3 4 5 6",
  "1 2 3 4 5 6 7\n",
  "1 2 3 4 5 6 7\n12345678",
  `1 2 3 4 5 6 7\n${"\xff".repeat(16)}`,
  "1 2 3 4\n1234567812345678",
])("%j is refused", (text) => {
  expect(() => decodeRewardTotals(Buffer.from(text, "latin1"))).toThrow(/invariant/);
});
