import { describe, expect, it } from "vitest";
import { centralInterval95, posterior, posteriorMean } from "../../../src/bandit/posterior.ts";
import { zeroTotals } from "../../../src/domain/contribution.ts";

const uniform = { alpha: 1, beta: 1 };

describe("posterior", () => {
  it("adds reward to alpha and the rest of the weight to beta", () => {
    expect(posterior(uniform, { ...zeroTotals, reward: 3.5, weight: 5, generations: 9 })).toEqual({
      alpha: 4.5,
      beta: 2.5,
    });
  });

  it.each([
    [-1e-9, 5, { alpha: 1, beta: 6 }],
    [5 + 1e-9, 5, { alpha: 6, beta: 1 }],
    [1e-9, -1e-9, { alpha: 1, beta: 1 }],
  ])("moves reward %d of weight %d back into range", (reward, weight, expected) => {
    expect(posterior(uniform, { ...zeroTotals, reward, weight, generations: 1 })).toEqual(expected);
  });

  it("keeps the mean of more evidence than it can tell apart", () => {
    const shape = posterior(uniform, {
      ...zeroTotals,
      reward: 1e300,
      weight: 4e300,
      generations: 1,
    });
    expect(posteriorMean(shape)).toBeCloseTo(0.25, 9);
    expect(shape.alpha + shape.beta).toBeCloseTo(1e12, -3);
  });

  it("refuses totals that are not numbers: they are a bug, not an outcome", () => {
    expect(() =>
      posterior(uniform, { ...zeroTotals, reward: Number.NaN, weight: 1, generations: 1 }),
    ).toThrow(/invariant/);
  });
});

describe("centralInterval95", () => {
  it("holds the middle 95 % of the uniform distribution", () => {
    const { low, high } = centralInterval95(uniform);
    expect(low).toBeCloseTo(0.025, 9);
    expect(high).toBeCloseTo(0.975, 9);
  });

  it("is 1.96 standard deviations to either side for large shapes", () => {
    const { low, high } = centralInterval95({ alpha: 5e6, beta: 5e6 });
    const deviation = Math.sqrt(0.25 / 1e7);
    expect((0.5 - low) / deviation).toBeCloseTo(1.959964, 4);
    expect((high - 0.5) / deviation).toBeCloseTo(1.959964, 4);
  });
});
