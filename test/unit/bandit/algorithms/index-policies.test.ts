import { describe, expect, it } from "vitest";
import { klUcbShares, klUpperBound } from "../../../../src/bandit/algorithms/kl-ucb.ts";
import { ucb1Shares } from "../../../../src/bandit/algorithms/ucb1.ts";

const arm = (mean: number, weight: number) => ({ mean, weight });
const unseen = arm(0, 0);

describe.each([
  ["UCB1", ucb1Shares, 2],
  ["KL-UCB", klUcbShares, 0],
])("%s", (_, shares, exploration) => {
  it("serves arms that were never seen first, equally", () => {
    const arms = [arm(0.9, 3), unseen, arm(1, 1), unseen];
    expect([...shares(arms, exploration)]).toEqual([0, 0.5, 0, 0.5]);
    expect([...shares([unseen, unseen], exploration)]).toEqual([0.5, 0.5]);
  });

  it("shares ties equally and puts everything else on one arm", () => {
    const tied = [arm(0.5, 100), arm(0.5, 100), arm(0.1, 100)];
    expect([...shares(tied, exploration)]).toEqual([0.5, 0.5, 0]);
  });

  it("prefers the less known of two arms with the same mean", () => {
    const arms = [arm(0.5, 100), arm(0.5, 99)];
    expect([...shares(arms, exploration)]).toEqual([0, 1]);
  });

  it.each([-2, -7, -100, -1000])(
    "takes arms of which 2^%d of an outcome still counts for never seen",
    (exponent) => {
      const forgotten = 2 ** exponent;
      const better = { mean: 0.6, weight: 1.5 * forgotten };
      const worse = { mean: 0.5, weight: forgotten };
      expect([...shares([better, worse], exploration)]).toEqual([0.5, 0.5]);
      const known = arm(1, 100);
      expect([...shares([known, worse, unseen], exploration)]).toEqual([0, 0.5, 0.5]);
    },
  );

  it("knows an arm from half an outcome on", () => {
    const half = arm(0.5, 0.5);
    const less = arm(0.4, 0.5);
    expect([...shares([half, less], exploration)]).toEqual([1, 0]);
    expect([...shares([half, { ...less, weight: 0.499 }], exploration)]).toEqual([0, 1]);
    expect([...shares([half], exploration)]).toEqual([1]);
  });
});

describe("UCB1", () => {
  // t = 100: indices 0.5 + √(2 ln 100 / 60) = 0.891801…, and m + √(2 ln 100 / 40) = m + 0.479852….
  it.each([
    [0.411, 0],
    [0.413, 1],
  ])("follows mean + √(2 ln t / n): a mean of %d beside 0.5", (mean, served) => {
    expect(ucb1Shares([arm(0.5, 60), arm(mean, 40)], 2)[served]).toBe(1);
  });

  it("is greedy without exploration", () => {
    const arms = [arm(0.5, 1e6), arm(0.49, 1)];
    expect([...ucb1Shares(arms, 0)]).toEqual([1, 0]);
  });
});

describe("KL-UCB", () => {
  // SciPy: brentq on the divergence.
  it.each([
    [0, 0.1, 0.09516258196404044],
    [0.5, 0.01, 0.5703585934574534],
    [0.5, 2, 0.9953999296304112],
    [0.9, 0.3, 0.9980367282165531],
    [0.02, 1e-6, 0.0201986303158861],
    [0.999, 1e-3, 0.9998413389039343],
  ])("solves kl(%d, q) = %d", (mean, divergence, expected) => {
    expect(Math.abs(klUpperBound(mean, divergence) - expected)).toBeLessThan(1e-13);
  });

  it("is the mean itself without a budget, and 1 above a mean of 1 or with an infinite budget", () => {
    expect(klUpperBound(0.3, 0)).toBe(0.3);
    expect(klUpperBound(1, 0.5)).toBe(1);
    expect(klUpperBound(0.3, Infinity)).toBeGreaterThan(1 - 1e-15);
  });

  it("explores more with c·ln ln t than without", () => {
    const arms = [arm(0.5, 900), arm(0.35, 100)];
    expect([...klUcbShares(arms, 0)]).toEqual([1, 0]);
    expect([...klUcbShares(arms, 5)]).toEqual([0, 1]);
  });
});
