import { describe, expect, it } from "vitest";
import { evidenceScale } from "../../../src/bandit/evidence-scale.ts";
import { type RewardTotals, zeroTotals } from "../../../src/domain/contribution.ts";

function totalsOf(rewards: readonly number[], weight = 1): RewardTotals {
  return {
    ...zeroTotals,
    reward: rewards.reduce((sum, reward) => sum + weight * reward, 0),
    weight: weight * rewards.length,
    squares: rewards.reduce((sum, reward) => sum + weight * reward ** 2, 0),
    generations: rewards.length,
  };
}

const alike = (reward: number, count: number) =>
  totalsOf(Array.from({ length: count }, () => reward));
const step = 2 ** (1 / 16);

describe("an observation is worth", () => {
  it.each([
    ["nothing is known", []],
    ["arms without an outcome", [zeroTotals, zeroTotals]],
    ["rewards of 0 and 1", [totalsOf([0, 1, 1, 0, 1]), totalsOf([1, 1, 0.0])]],
    ["rewards that are all 0 or all 1", [alike(0, 50), alike(1, 50)]],
    ["sums that no rewards have", [{ ...zeroTotals, reward: 9, weight: 4, squares: 81 }]],
    [
      "sums without end",
      [{ ...zeroTotals, reward: 1e308, weight: Number.POSITIVE_INFINITY, squares: 1 }],
    ],
  ])("one toss of a coin: %s", (_name, arms) => {
    expect(evidenceScale(arms)).toBe(1);
  });

  it("as many tosses as the coin's variance is times the one within the arms, after many", () => {
    // Means 0.5 and 0.6 with deviations ±0.1: 0.245 / 0.01.
    const spread = (mean: number) =>
      totalsOf(Array.from({ length: 4_000 }, (_, at) => mean + (at % 2 === 0 ? 0.1 : -0.1)));
    const scale = evidenceScale([spread(0.5), spread(0.6)]);
    expect(scale / (0.245 / 0.01)).toBeGreaterThan(0.97 / step);
    expect(scale / (0.245 / 0.01)).toBeLessThan(step);
  });

  it("little more than one after three outcomes alike: (3 + 10) / 10", () => {
    const scale = evidenceScale([alike(0.7, 3)]);
    expect(scale / 1.3).toBeGreaterThan(1 / step);
    expect(scale / 1.3).toBeLessThan(step);
  });

  it("at most 2^20 tosses", () => {
    expect(
      evidenceScale(
        [alike(0.5, 1)].map((arm) => ({ ...arm, weight: 1e12, reward: 5e11, squares: 2.5e11 })),
      ),
    ).toBe(2 ** 20);
  });

  it("the same when all is half forgotten, but for the ten tosses that it starts from", () => {
    const arms = [totalsOf([0.2, 0.4, 0.3, 0.6]), alike(0.5, 30)];
    const forgotten = arms.map((arm) => ({
      ...arm,
      reward: arm.reward / 2,
      weight: arm.weight / 2,
      squares: arm.squares / 2,
    }));
    expect(evidenceScale(forgotten)).toBeLessThan(evidenceScale(arms));
    expect(evidenceScale(forgotten)).toBeGreaterThan(1);
  });
});
