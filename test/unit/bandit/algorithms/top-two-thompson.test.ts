import { describe, expect, it } from "vitest";
import { topTwoShares } from "../../../../src/bandit/algorithms/top-two-thompson.ts";

function arms(...best: number[]) {
  return best.map((bestProbability) => ({
    bestProbability,
    mean: bestProbability,
    variance: 0.01,
  }));
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

describe("top-two Thompson sampling", () => {
  it("serves two arms with β and 1 − β of being drawn first", () => {
    const [first, second] = topTwoShares(arms(0.9, 0.1), 0.7);
    expect(first).toBeCloseTo(0.7 * 0.9 + 0.3 * 0.1, 14);
    expect(second).toBeCloseTo(0.7 * 0.1 + 0.3 * 0.9, 14);
  });

  it("follows the formula for three arms", () => {
    const alpha = [0.5, 0.3, 0.2] as const;
    const odds = alpha.map((probability) => probability / (1 - probability)) as [
      number,
      number,
      number,
    ];
    const shares = topTwoShares(arms(...alpha), 0.5);
    expect(shares[0]).toBeCloseTo(0.5 * (0.5 + 0.5 * (odds[1] + odds[2])), 14);
    expect(shares[1]).toBeCloseTo(0.5 * (0.3 + 0.3 * (odds[0] + odds[2])), 14);
    expect(shares[2]).toBeCloseTo(0.5 * (0.2 + 0.2 * (odds[0] + odds[1])), 14);
  });

  it("is Thompson sampling with a leader share of 1", () => {
    expect([...topTwoShares(arms(0.5, 0.3, 0.2), 1)]).toEqual([0.5, 0.3, 0.2]);
  });

  it("serves the challengers when one arm is certain, the likeliest of them most", () => {
    const known = [
      { bestProbability: 0, mean: 0.3, variance: 1e-4 },
      { bestProbability: 1, mean: 0.6, variance: 1e-4 },
      { bestProbability: 0, mean: 0.5, variance: 1e-4 },
      { bestProbability: 0, mean: 0.5, variance: 1e-4 },
    ];
    const shares = topTwoShares(known, 0.5);
    expect(shares[1]).toBeCloseTo(0.5, 12);
    expect(shares[2]).toBe(shares[3]);
    expect(shares[2]).toBeCloseTo(0.25, 6);
    expect(sum(shares)).toBeCloseTo(1, 14);
  });

  it("goes over to certainty without a jump in what the leader gets", () => {
    for (const rest of [1e-3, 1.0001e-6, 0.9999e-6, 1e-12, 0]) {
      const known = [
        { bestProbability: 1 - rest, mean: 0.6, variance: 1e-3 },
        { bestProbability: rest / 2, mean: 0.3, variance: 1e-3 },
        { bestProbability: rest / 2, mean: 0.3, variance: 1e-3 },
      ];
      const shares = topTwoShares(known, 0.5);
      expect(Math.abs((shares[0] as number) - 0.5)).toBeLessThanOrEqual(rest);
      expect(shares[1]).toBe(shares[2]);
    }
  });

  it("serves a lone arm", () => {
    expect([...topTwoShares(arms(1), 0.5)]).toEqual([1]);
  });
});
