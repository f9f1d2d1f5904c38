import { describe, expect, it } from "vitest";
import { meanDistribution, normalPosterior } from "../../../src/bandit/normal-posterior.ts";
import { type RewardTotals, zeroTotals } from "../../../src/domain/contribution.ts";

const prior = { mean: 0.5, strength: 2, shape: 1.5, scale: 0.25 };

function totalsOf(observations: readonly { reward: number; weight: number }[]): RewardTotals {
  return observations.reduce<RewardTotals>(
    (sums, { reward, weight }) => ({
      reward: sums.reward + reward,
      weight: sums.weight + weight,
      squares: sums.squares + (reward * reward) / weight,
      generations: sums.generations + 1,
      position: 0,
    }),
    zeroTotals,
  );
}

const whole = [3, -1, 0.25, 7, 2].map((reward) => ({ reward, weight: 1 }));

describe("normalPosterior", () => {
  it("is the prior when nothing was seen", () => {
    expect(normalPosterior(prior, zeroTotals)).toEqual(prior);
  });

  it("has the textbook's values for whole observations", () => {
    const { mean, strength, shape, scale } = normalPosterior(prior, totalsOf(whole));
    const average = 11.25 / 5;
    const deviations = whole.reduce((sum, { reward }) => sum + (reward - average) ** 2, 0);
    expect(strength).toBe(7);
    expect(shape).toBe(4);
    expect(mean).toBeCloseTo((2 * 0.5 + 11.25) / 7, 14);
    expect(scale).toBeCloseTo(0.25 + deviations / 2 + (2 * 5 * (average - 0.5) ** 2) / (2 * 7), 12);
  });

  it("gives one at a time what it gives all at once", () => {
    let stepwise = prior;
    for (const observation of whole) stepwise = normalPosterior(stepwise, totalsOf([observation]));
    const together = normalPosterior(prior, totalsOf(whole));
    for (const key of ["mean", "strength", "shape", "scale"] as const) {
      expect(stepwise[key]).toBeCloseTo(together[key], 11);
    }
  });

  it("counts a generation of half the weight as half an observation", () => {
    const halves = whole.flatMap(({ reward }) => [
      { reward: reward / 2, weight: 0.5 },
      { reward: reward / 2, weight: 0.5 },
    ]);
    const split = normalPosterior(prior, totalsOf(halves));
    const together = normalPosterior(prior, totalsOf(whole));
    for (const key of ["mean", "strength", "shape", "scale"] as const) {
      expect(split[key]).toBeCloseTo(together[key], 11);
    }
  });

  it("takes squares that rounding left below what the mean demands as no spread at all", () => {
    const totals = { ...zeroTotals, reward: 30, weight: 10, squares: 90 - 1e-9, generations: 10 };
    const exact = normalPosterior(prior, { ...totals, squares: 90 });
    expect(normalPosterior(prior, totals)).toEqual(exact);
  });

  it.each([
    [1e300, 1e300, 1e300],
    [1e308, 1e-300, 1e308],
    [-1e308, 1, Number.MAX_VALUE],
    [Number.MIN_VALUE, Number.MIN_VALUE, 0],
    [1, -1e-9, 1],
  ])("stays finite for reward %d, weight %d, squares %d", (reward, weight, squares) => {
    const posterior = normalPosterior(prior, {
      ...zeroTotals,
      reward,
      weight,
      squares,
      generations: 1,
    });
    const { location, scale, degreesOfFreedom } = meanDistribution(posterior);
    for (const value of [...Object.values(posterior), location, scale, degreesOfFreedom]) {
      expect(Number.isFinite(value)).toBe(true);
    }
    expect(scale).toBeGreaterThan(0);
  });

  it("refuses totals that are not numbers: they are a bug, not an outcome", () => {
    expect(() => normalPosterior(prior, { ...zeroTotals, squares: Number.NaN })).toThrow(
      /invariant/,
    );
  });
});

describe("meanDistribution", () => {
  it("is Student t with twice the shape, scaled by √(scale / (shape·strength))", () => {
    expect(meanDistribution({ mean: 3, strength: 4, shape: 2, scale: 32 })).toEqual({
      location: 3,
      scale: 2,
      degreesOfFreedom: 4,
    });
  });
});
