import { describe, expect, it } from "vitest";
import { klUcbShares, klUpperBound } from "../../../../src/bandit/algorithms/kl-ucb.ts";
import { ucb1Shares } from "../../../../src/bandit/algorithms/ucb1.ts";

const unseen = { mean: 0, weight: 0 };

describe.each([
  ["UCB1", ucb1Shares, 2],
  ["KL-UCB", klUcbShares, 0],
])("%s", (_, shares, exploration) => {
  it("serves arms that were never seen first, equally", () => {
    const arms = [{ mean: 0.9, weight: 3 }, unseen, { mean: 1, weight: 1 }, unseen];
    expect([...shares(arms, exploration)]).toEqual([0, 0.5, 0, 0.5]);
    expect([...shares([unseen, unseen], exploration)]).toEqual([0.5, 0.5]);
  });

  it("shares ties equally and puts everything else on one arm", () => {
    const tied = [
      { mean: 0.5, weight: 100 },
      { mean: 0.5, weight: 100 },
      { mean: 0.1, weight: 100 },
    ];
    expect([...shares(tied, exploration)]).toEqual([0.5, 0.5, 0]);
  });

  it("prefers the less known of two arms with the same mean", () => {
    const arms = [
      { mean: 0.5, weight: 100 },
      { mean: 0.5, weight: 99 },
    ];
    expect([...shares(arms, exploration)]).toEqual([0, 1]);
  });

  it.each([-2, -7, -100, -1000])(
    "takes arms of which 2^%d of an outcome still counts for never seen",
    (exponent) => {
      const forgotten = 2 ** exponent;
      const better = { mean: 0.6, weight: 1.5 * forgotten };
      const worse = { mean: 0.5, weight: forgotten };
      expect([...shares([better, worse], exploration)]).toEqual([0.5, 0.5]);
      const known = { mean: 1, weight: 100 };
      expect([...shares([known, worse, unseen], exploration)]).toEqual([0, 0.5, 0.5]);
    },
  );

  it("knows an arm from half an outcome on", () => {
    const half = { mean: 0.5, weight: 0.5 };
    const less = { mean: 0.4, weight: 0.5 };
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
    const arms = [
      { mean: 0.5, weight: 60 },
      { mean, weight: 40 },
    ];
    expect(ucb1Shares(arms, 2)[served]).toBe(1);
  });

  it("is greedy without exploration", () => {
    const arms = [
      { mean: 0.5, weight: 1e6 },
      { mean: 0.49, weight: 1 },
    ];
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
    const arms = [
      { mean: 0.5, weight: 900 },
      { mean: 0.35, weight: 100 },
    ];
    expect([...klUcbShares(arms, 0)]).toEqual([1, 0]);
    expect([...klUcbShares(arms, 5)]).toEqual([0, 1]);
  });
});
