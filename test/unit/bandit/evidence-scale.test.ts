import { describe, expect, it } from "vitest";
import { evidenceScales } from "../../../src/bandit/evidence-scale.ts";
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
    expect(evidenceScales(arms)).toEqual(arms.map(() => 1));
  });

  it("as many tosses as the coin's variance is times the one within the arms, after many", () => {
    // Means 0.5 and 0.6 with deviations ±0.1: 0.245 / 0.01.
    const spread = (mean: number) =>
      totalsOf(Array.from({ length: 4_000 }, (_, at) => mean + (at % 2 === 0 ? 0.1 : -0.1)));
    for (const scale of evidenceScales([spread(0.5), spread(0.6)])) {
      expect(scale / (0.245 / 0.01)).toBeGreaterThan(0.97 / step);
      expect(scale / (0.245 / 0.01)).toBeLessThan(step);
    }
  });

  it("little more than one after three outcomes alike: (3 + 10) / 10", () => {
    const [scale = 0] = evidenceScales([alike(0.7, 3)]);
    expect(scale / 1.3).toBeGreaterThan(1 / step);
    expect(scale / 1.3).toBeLessThan(step);
  });

  it("at most 2^20 tosses", () => {
    expect(
      evidenceScales(
        [alike(0.5, 1)].map((arm) => ({ ...arm, weight: 1e12, reward: 5e11, squares: 2.5e11 })),
      ),
    ).toEqual([2 ** 20]);
  });

  it("the same when all is half forgotten, but for the ten tosses that it starts from", () => {
    const many = Array.from({ length: 2_000 }, (_, at) => [0.2, 0.4, 0.3, 0.6][at % 4] as number);
    const arms = [totalsOf(many), totalsOf(many.slice(500))];
    const forgotten = arms.map((arm) => ({
      ...arm,
      reward: arm.reward / 2,
      weight: arm.weight / 2,
      squares: arm.squares / 2,
    }));
    const ratios = evidenceScales(forgotten).map(
      (scale, arm) => scale / (evidenceScales(arms)[arm] as number),
    );
    for (const ratio of ratios) {
      expect(ratio).toBeGreaterThan(1 / step ** 2);
      expect(ratio).toBeLessThanOrEqual(1);
    }
  });

  it("of an arm that is a coin beside one that never varies: little more than a toss", () => {
    const [steady = 0, coin = 0] = evidenceScales([
      alike(0.5, 1_000),
      totalsOf([1, 0, 0, 1, 0, 1, 0, 0, 1, 0]),
    ]);
    expect(steady).toBeGreaterThan(40);
    // Ten tosses of its own and ten outcomes that vary as the pooled ones do.
    expect(coin).toBeCloseTo((20 * 0.24) / (2.4 + 2.4 / steady), 9);
  });

  it("of an arm that has earned nothing beside ones that vary little: one toss", () => {
    expect(evidenceScales([alike(0.5, 1_000), alike(0, 10)])[1]).toBe(1);
  });
});
