import { describe, expect, it } from "vitest";
import {
  centredSum,
  checkCounts,
  checkN,
  checkSample,
  checkSkewness,
  RunningMoments,
} from "../../../src/statistics/moments.ts";
import { WeightedScores } from "../../../src/statistics/weighted-scores.ts";
import {
  relativeError,
  statisticsReference,
} from "../../fixtures/reference/statistics-reference.ts";
import { sampleOf } from "../../support/samples.ts";

const cases = statisticsReference.samples;

describe("moments against rational arithmetic", () => {
  it("from observations: mean within 1e-15, variance within 1e-12", () => {
    for (const { values, mean, variance } of cases) {
      const sample = sampleOf(values);
      expect(relativeError(sample.mean, mean)).toBeLessThan(1e-15);
      expect(relativeError(sample.variance, variance)).toBeLessThan(1e-12);
    }
  });

  it("from sums: squares within 2^-51 · n · Σx² / Σ(x − mean)²", () => {
    for (const { n, sum, sum_of_squares: sumOfProducts, variance } of cases) {
      const squares = centredSum({ n, sumA: sum, sumB: sum, sumOfProducts }) as number;
      const lost = (2 ** -51 * n * sumOfProducts) / (variance * (n - 1));
      expect(relativeError(squares, variance * (n - 1))).toBeLessThan(lost);
    }
  });

  it("would find a division by n (negative control)", () => {
    for (const { values, n, variance } of cases) {
      const wrong = (sampleOf(values).variance * (n - 1)) / n;
      expect(relativeError(wrong, variance)).toBeGreaterThan(1e-12);
    }
  });

  it("are of no spread below two observations", () => {
    expect(sampleOf([])).toEqual({ n: 0, mean: 0, variance: 0 });
    expect(sampleOf([3])).toEqual({ n: 1, mean: 3, variance: 0 });
  });

  it("give equal observations no spread, however their sums are rounded", () => {
    let sum = 0;
    let sumOfProducts = 0;
    for (let n = 1; n <= 100_000; n += 1) {
      sum += 0.1;
      sumOfProducts += 0.1 * 0.1;
      if (n % 99 !== 0) continue;
      expect(centredSum({ n, sumA: sum, sumB: sum, sumOfProducts })).toBe(0);
    }
  });
});

describe("the skewness of a mean", () => {
  const skewnessOf = (values: readonly number[], weights: readonly number[]) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const mean =
      values.reduce((sum, value, at) => sum + value * (weights[at] as number), 0) / total;
    const central = (power: number) =>
      values.reduce(
        (sum, value, at) => sum + ((weights[at] as number) * (value - mean)) ** power,
        0,
      );
    return central(3) / central(2) ** 1.5;
  };

  it("is that of its definition, of observations and of weighted scores", () => {
    for (const { values } of cases) {
      const [moments, scores] = [new RunningMoments(), new WeightedScores()];
      const weights = values.map((_, at) => 1 + (at % 3));
      values.forEach((value, at) => {
        moments.add(value);
        scores.add(weights[at] as number, value);
      });
      const plain = skewnessOf(
        values,
        values.map(() => 1),
      );
      expect(Math.abs(moments.skewnessOfMean() - plain)).toBeLessThan(1e-9);
      expect(Math.abs(scores.skewnessOfMean - skewnessOf(values, weights))).toBeLessThan(1e-9);
    }
  });

  it("is refused where 25 times its square are more than the observations, with the number needed and the remedy", () => {
    expect(checkSkewness(0.2, 100, "b")).toBeUndefined();
    expect(checkSkewness(-0.2, 100, "b")).toBeUndefined();
    expect(checkSkewness(Number.NaN, 100, "b")).toBeUndefined();
    expect(checkSkewness(-0.4, 100, "b")).toEqual({
      reason: "too_skewed",
      message: expect.stringMatching(
        /of b are too skewed: .* from about 400 on, and there are 100; cap them/,
      ),
    });
  });
});

describe("what is known of an arm is refused", () => {
  it.each([
    [checkN(0, "x"), "empty"],
    [checkN(1, "x"), "too_few"],
    [checkN(Number.NaN, "x"), "not_finite"],
    [checkN(2.5, "x"), "out_of_range"],
    [checkN(-3, "x"), "out_of_range"],
    [checkCounts({ n: 5, successes: Number.NaN }, "x"), "not_finite"],
    [checkCounts({ n: 5, successes: 6 }, "x"), "out_of_range"],
    [checkCounts({ n: 5, successes: 0.5 }, "x"), "out_of_range"],
    [checkSample(sampleOf([1, Number.NaN]), "x"), "not_finite"],
    [checkSample(sampleOf([1, Number.POSITIVE_INFINITY]), "x"), "not_finite"],
    [checkSample(sampleOf([1e308, -1e308]), "x"), "not_finite"],
    [checkSample({ n: 2, mean: 0, variance: -1 }, "x"), "out_of_range"],
    [checkSample(sampleOf([2, 2]), "x"), "zero_variance"],
  ])("%o: %s", (refusal, reason) => {
    expect(refusal?.reason).toBe(reason);
  });

  it("or taken", () => {
    expect(checkN(2, "x")).toBeUndefined();
    expect(checkCounts({ n: 5, successes: 5 }, "x")).toBeUndefined();
    expect(checkSample(sampleOf([1, 2]), "x")).toBeUndefined();
    expect(centredSum({ n: 5, sumA: 1e200, sumB: 1e200, sumOfProducts: 1 })).toBeUndefined();
  });
});
