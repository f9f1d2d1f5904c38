import { describe, expect, it } from "vitest";
import { WeightMoments } from "../../../../src/statistics/off-policy/weight-moments.ts";

const weights = [0.5, 0, 2, 1.25, 7, 0.125];
const rewards = [1, 5, -2, 0.5, 3, 0];

function momentsOf(pairs: readonly (readonly [number, number])[]): WeightMoments {
  const moments = new WeightMoments();
  for (const [weight, reward] of pairs) moments.add(weight, reward);
  return moments;
}

const pairs = weights.map((weight, row) => [weight, rewards[row] as number] as const);

describe("running moments of weights and weighted rewards", () => {
  it.each([0, 1.5, -4])("give the spread and fourth powers about %d as from all rows", (centre) => {
    const moments = momentsOf(pairs);
    const terms = pairs.map(([weight, reward]) => weight * (reward - centre));
    const mean = terms.reduce((sum, term) => sum + term, 0) / terms.length;
    const spread = terms.reduce((sum, term) => sum + (term - mean) ** 2, 0);
    expect(moments.spreadAbout(centre) / spread).toBeCloseTo(1, 12);
    const fourth = terms.reduce((sum, term) => sum + term ** 4, 0);
    expect(moments.fourthPowersAbout(centre) / fourth).toBeCloseTo(1, 12);
  });

  it("give the effective sample size", () => {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const squares = weights.reduce((total, weight) => total + weight ** 2, 0);
    expect(momentsOf(pairs).effectiveSampleSize()).toBeCloseTo(sum ** 2 / squares, 12);
    expect(momentsOf(pairs).largestWeight).toBe(7);
  });

  it("are exact where nothing varies, and 0 where there is nothing", () => {
    const constant = momentsOf(Array.from({ length: 1000 }, () => [0.7, 0.1] as const));
    expect(constant.spreadAbout(0)).toBe(0);
    expect(constant.effectiveSampleSize()).toBeCloseTo(1000, 9);
    expect(new WeightMoments().effectiveSampleSize()).toBe(0);
    expect(momentsOf([[0, 1]]).effectiveSampleSize()).toBe(0);
  });

  it("lose no digits to a large common part", () => {
    const moments = momentsOf(
      Array.from({ length: 1000 }, (_, row) => [1, 1e8 + (row % 2)] as const),
    );
    expect(moments.spreadAbout(0)).toBeCloseTo(250, 3);
  });
});
