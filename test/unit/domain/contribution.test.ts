import { describe, expect, test } from "vitest";
import {
  generationTotals,
  type RewardTotals,
  replaceInTotals,
  totalsAt,
  zeroTotals,
} from "../../../src/domain/contribution.ts";

// What test/properties/contribution.test.ts cannot see: it compares to a part in 10^9.

const valued = (value: number, weight: number) =>
  generationTotals([{ component: "a", value, weight, penalty: 0 }]);
const nothing = generationTotals([]);

test("the square of a tiny reward does not underflow on the way", () => {
  expect(valued(1, 1e-300).squares).toBe(1e-300);
});

describe("an arm's totals", () => {
  test("taking the last generation out leaves exact zeros, whatever was rounded before", () => {
    const sums = { reward: 0.1 + 2e-17, weight: 0.3, generations: 1 };
    const rounded = { ...zeroTotals, ...sums, position: 7 };
    const before = valued(1 / 3, 0.3);
    expect(replaceInTotals(rounded, { before, after: nothing, position: 7 })).toEqual(zeroTotals);
  });

  test("rounding makes no weight and no sum of squares negative", () => {
    const taken = replaceInTotals(
      { ...zeroTotals, reward: 0.3, weight: 0.299_999_999_999_999_9, squares: 0.1, generations: 2 },
      {
        before: { reward: 0.3, weight: 0.3, squares: 0.100_000_000_000_000_1, generations: 1 },
        after: nothing,
        position: 0,
      },
    );
    expect(taken).toEqual({ ...zeroTotals, generations: 1 });
  });

  test("read at a later position they are less by what was forgotten, at an earlier one the same", () => {
    const totals: RewardTotals = {
      reward: 4,
      weight: 8,
      squares: 2,
      generations: 9,
      position: 3,
      context: { epoch: 1, products: [8, 4, 2], rewards: [4, 1] },
    };
    expect(totalsAt(totals, 5)).toEqual({
      reward: 1,
      weight: 2,
      squares: 0.5,
      generations: 9,
      position: 5,
      context: { epoch: 1, products: [2, 1, 0.5], rewards: [1, 0.25] },
    });
    expect(totalsAt(totals, 3)).toBe(totals);
    expect(totalsAt(totals, 1)).toBe(totals);
    expect(totalsAt(zeroTotals, 9)).toBe(zeroTotals);
  });
});
