import { expect, test } from "vitest";
import { type RewardTotals, zeroTotals } from "../../../../src/domain/contribution.ts";
import { differencesOf } from "../../../../src/service/rebuild/compare-totals.ts";

const totals: RewardTotals = {
  ...{ reward: 40, weight: 100, squares: 20, generations: 120, position: 3.5 },
  context: { epoch: 7, products: [100, 1e-12, 300], rewards: [40, 0] },
};

function fieldsWith(change: Partial<RewardTotals>): string[] {
  return differencesOf(totals, { ...totals, ...change }).map(({ field }) => field);
}

test("totals that are the same to 1e-9 have no differences; absent ones are those of nothing", () => {
  expect(differencesOf(totals, totals)).toEqual([]);
  expect(fieldsWith({ reward: 40 * (1 + 5e-10), position: 3.5 * (1 + 1e-10) })).toEqual([]);
  expect(differencesOf(undefined, zeroTotals)).toEqual([]);
  expect(differencesOf(zeroTotals, undefined)).toEqual([]);
  expect(differencesOf(undefined, totals).map(({ field }) => field)).toEqual([
    ...["reward", "weight", "squares", "generations", "context_epoch"],
  ]);
});

test.each([
  ["reward", { reward: 40 + 2e-7 }],
  ["weight", { weight: 100 - 2e-7 }],
  ["squares", { squares: 20 + 2e-7 }],
  ["generations", { generations: 121 }],
] as const)("a %s beyond that is a difference", (field, change) => {
  expect(differencesOf(totals, { ...totals, ...change })).toEqual([
    { field, live: totals[field], recomputed: { ...totals, ...change }[field] },
  ]);
});

test("totals are compared at the larger of their positions", () => {
  const halved: RewardTotals = {
    ...{ reward: 20, weight: 50, squares: 10, generations: 120, position: 4.5 },
    context: { epoch: 7, products: [50, 5e-13, 150], rewards: [20, 0] },
  };
  expect(differencesOf(totals, halved)).toEqual([]);
  expect(differencesOf(halved, totals)).toEqual([]);
  expect(fieldsWith({ position: 3.5 + 1e-8 })).toEqual([
    ...["reward", "weight", "squares", "context_products[2]", "context_rewards[0]"],
  ]);
  expect(differencesOf(totals, { ...halved, weight: 50 + 1e-7 })).toEqual([
    { field: "weight", live: 50, recomputed: 50 + 1e-7 },
  ]);
});

test("a sum of both signs near 0 is measured by the weight", () => {
  const near: RewardTotals = { ...totals, reward: 1e-12 };
  expect(differencesOf(near, { ...near, reward: -1e-9 })).toEqual([]);
  expect(differencesOf(near, { ...near, reward: -2e-7 })).toHaveLength(1);
});

test("of the sums with a context the one that differs most is told", () => {
  const context = { epoch: 7, products: [100, 1e-12, 300], rewards: [40, 0] };
  expect(fieldsWith({ context: { ...context, products: [101, 5, 300] } })).toEqual([
    "context_products[1]",
  ]);
  expect(fieldsWith({ context: { ...context, rewards: [40, 0, 1] } })).toEqual([
    "context_rewards[2]",
  ]);
  expect(fieldsWith({ context: { ...context, products: [100, 1e-8, 300] } })).toEqual([]);
  expect(fieldsWith({ context: { ...context, epoch: 8 } })).toEqual(["context_epoch"]);
});
