import { describe, expect, test } from "vitest";
import {
  type Contribution,
  defaultRewardComponent,
  generationTotals,
  type RewardTotals,
  replaceInTotals,
  totalsAt,
  zeroTotals,
} from "../../../src/domain/contribution.ts";

const value = (component: string, v: number, weight = 0.5): Contribution => ({
  component,
  value: v,
  weight,
  penalty: 0,
});
const penalty = (amount: number): Contribution => ({
  component: "cost_penalty",
  value: 0,
  weight: 0,
  penalty: amount,
});
const nothing = generationTotals([]);
const add = (totals: RewardTotals, parts: readonly Contribution[], position = 0): RewardTotals =>
  replaceInTotals(totals, { before: nothing, after: generationTotals(parts), position });

describe("what one generation adds", () => {
  test("is nothing without a weight, whatever it cost", () => {
    expect(generationTotals([penalty(0.4)])).toEqual(nothing);
  });

  test("is the weighted values less the penalties, and R² / W", () => {
    expect(generationTotals([value("a", 1), value("b", 0.5), penalty(0.25)])).toEqual({
      reward: 0.5,
      weight: 1,
      squares: 0.25,
      generations: 1,
    });
  });

  test("stays between 0 and W when values are in [0,1]", () => {
    expect(generationTotals([value("a", 0.2), penalty(5)])).toMatchObject({
      reward: 0,
      weight: 0.5,
    });
  });

  test("a penalty takes an unbounded reward no lower than its negative values do", () => {
    const parts = [value("a", -4), value("b", 3)];
    expect(generationTotals(parts).reward).toBe(-0.5);
    expect(generationTotals([...parts, penalty(9)]).reward).toBe(-2);
    expect(generationTotals([value("a", 8)])).toMatchObject({ reward: 4, squares: 32 });
  });

  test("a default reward counts until anything else with a weight is known, with its penalties", () => {
    const byDefault = value(defaultRewardComponent, 0.5, 1);
    expect(generationTotals([byDefault, penalty(0.125)])).toMatchObject({
      reward: 0.375,
      weight: 1,
    });
    expect(generationTotals([byDefault, value("a", 1)])).toEqual(generationTotals([value("a", 1)]));
  });

  test("the square of a tiny reward does not underflow on the way", () => {
    expect(generationTotals([value("a", 1, 1e-300)]).squares).toBe(1e-300);
  });
});

describe("an arm's totals", () => {
  test("taking the last generation out leaves exact zeros, whatever was rounded before", () => {
    const rounded = {
      ...zeroTotals,
      reward: 0.1 + 2e-17,
      weight: 0.3,
      generations: 1,
      position: 7,
    };
    const before = generationTotals([value("a", 1 / 3, 0.3)]);
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

  test("a generation counts half for every half-life that the newest one is ahead, in either order", () => {
    const early = [value("a", 1, 1)];
    const late = [value("a", 0, 1)];
    const expected = { reward: 0.125, weight: 1.125, squares: 0.125, generations: 2, position: 5 };
    expect(add(add(zeroTotals, early, 2), late, 5)).toEqual(expected);
    expect(add(add(zeroTotals, late, 5), early, 2)).toEqual(expected);
  });

  test("whatever is far enough back counts nothing, and the arm goes on", () => {
    const long = add(add(zeroTotals, [value("a", 1, 1)], 0), [value("a", 0, 1)], 1e6);
    expect(long).toEqual({ reward: 0, weight: 1, squares: 0, generations: 2, position: 1e6 });
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

describe("sums with the context", () => {
  const at = (epoch: number, values: readonly number[]) => ({
    before: nothing,
    after: generationTotals([value("a", 0.5, 1)]),
    position: 0,
    context: { epoch, values },
  });

  test("are those of the newest features only, whichever came first", () => {
    const older = at(1, [1, 5]);
    const newer = at(2, [1, 3]);
    const expected = { epoch: 2, products: [1, 3, 9], rewards: [0.5, 1.5] };
    const inOrder = replaceInTotals(replaceInTotals(zeroTotals, older), newer);
    const swapped = replaceInTotals(replaceInTotals(zeroTotals, newer), older);
    expect(inOrder).toMatchObject({ weight: 2, context: expected });
    expect(swapped).toEqual(inOrder);
  });

  test("of another length are never mixed, though the epoch is the same", () => {
    const short = at(1, [1, 5]);
    const long = at(1, [1, 3, 2]);
    const inOrder = replaceInTotals(replaceInTotals(zeroTotals, short), long);
    expect(inOrder.context?.products).toEqual([1, 3, 2, 9, 6, 4]);
    expect(replaceInTotals(replaceInTotals(zeroTotals, long), short)).toEqual(inOrder);
  });

  test("stay when a generation without a context is added, and are forgotten with the rest", () => {
    const first = replaceInTotals(zeroTotals, at(1, [1, 2]));
    const second = add(first, [value("a", 1, 1)], 1);
    expect(second).toMatchObject({ weight: 1.5, context: { epoch: 1, products: [0.5, 1, 2] } });
  });
});
