import { expect, it } from "vitest";
import { explorationBudget, spreadBudget } from "../../../src/bandit/exploration-budget.ts";
import { zeroTotals } from "../../../src/domain/contribution.ts";

/** `n` tosses of a fair coin. */
const coin = (n: number) => ({
  ...zeroTotals,
  weight: n,
  reward: n / 2,
  squares: n / 2,
  generations: n,
});

it.each([
  ["none", [coin(0), coin(0)], 0.02],
  ["50 in all", [coin(40), coin(10)], 0.02],
  ["200: the half", [coin(40), coin(160)], 0.01],
  ["half a million: a hundredth", [coin(250_000), coin(250_000)], 0.0002],
])("after these outcomes the budget is: %s", (_, arms, budget) => {
  expect(explorationBudget(0.02, arms)).toBeCloseTo(budget, 15);
});

it("does not depend on what rewards are like: no propensity falls faster than one over the root", () => {
  const alike = { ...coin(200), squares: 100 * 0.5 };
  const unbounded = { ...coin(200), reward: 2e6, squares: 2e10 };
  expect(explorationBudget(0.02, [alike])).toBeCloseTo(0.01, 15);
  expect(explorationBudget(0.02, [unbounded])).toBeCloseTo(0.01, 15);
});

it("is the same for two arms and for fifty, and is spread evenly", () => {
  for (const count of [2, 50]) {
    const shares = spreadBudget(new Float64Array(count).fill(0).fill(1, 0, 1), 0.02);
    expect(shares[1]).toBeCloseTo(0.02 / count, 15);
    expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 12);
  }
});

it("spends nothing where the policy has none, and nothing on what overflows", () => {
  expect(explorationBudget(0, [coin(3)])).toBe(0);
  expect(explorationBudget(0.5, [coin(1e308), coin(1e308)])).toBe(0);
});
