import { describe, expect, it } from "vitest";
import {
  sampleFromCounts,
  sampleFromObservations,
  sampleFromSums,
} from "../../../src/statistics/moments.ts";
import {
  accepted,
  reasonOf,
  relativeError,
  statisticsReference,
} from "../../fixtures/reference/statistics-reference.ts";

const cases = statisticsReference.samples;

describe("moments against rational arithmetic", () => {
  it("from observations: mean within 1e-15, variance within 1e-12", () => {
    for (const { values, mean, variance } of cases) {
      const sample = accepted(sampleFromObservations(values));
      expect(relativeError(sample.mean, mean)).toBeLessThan(1e-15);
      expect(relativeError(sample.variance, variance)).toBeLessThan(1e-12);
    }
  });

  it("from sums: variance within 2^-51 · n · Σx² / Σ(x − mean)²", () => {
    for (const { n, sum, sum_of_squares: sumOfSquares, mean, variance } of cases) {
      const sample = accepted(sampleFromSums({ n, sum, sumOfSquares }));
      const lost = (2 ** -51 * n * sumOfSquares) / (variance * (n - 1));
      expect(relativeError(sample.mean, mean)).toBeLessThan(1e-15);
      expect(relativeError(sample.variance, variance)).toBeLessThan(lost);
    }
  });

  it("would find a division by n (negative control)", () => {
    for (const { values, n, variance } of cases) {
      const wrong = (accepted(sampleFromObservations(values)).variance * (n - 1)) / n;
      expect(relativeError(wrong, variance)).toBeGreaterThan(1e-12);
    }
  });

  it("from counts is what the observations give", () => {
    const sample = accepted(sampleFromCounts({ n: 7, successes: 2 }));
    const same = accepted(sampleFromObservations([0, 1, 0, 0, 1, 0, 0]));
    expect(sample.n).toBe(same.n);
    expect(sample.mean).toBeCloseTo(same.mean, 15);
    expect(sample.variance).toBeCloseTo(same.variance, 15);
  });
});

describe("moments of bad input", () => {
  it("needs two observations", () => {
    expect(reasonOf(sampleFromObservations([]))).toBe("empty");
    expect(reasonOf(sampleFromObservations([1]))).toBe("too_few");
    expect(reasonOf(sampleFromSums({ n: 0, sum: 0, sumOfSquares: 0 }))).toBe("empty");
    expect(reasonOf(sampleFromSums({ n: 1, sum: 1, sumOfSquares: 1 }))).toBe("too_few");
    expect(reasonOf(sampleFromCounts({ n: 1, successes: 1 }))).toBe("too_few");
  });

  it("refuses what is not a number, and what is none of this world", () => {
    expect(reasonOf(sampleFromObservations([1, Number.NaN]))).toBe("not_finite");
    expect(reasonOf(sampleFromObservations([1, Number.POSITIVE_INFINITY]))).toBe("not_finite");
    expect(reasonOf(sampleFromObservations([1e308, -1e308]))).toBe("not_finite");
    expect(reasonOf(sampleFromSums({ n: Number.NaN, sum: 1, sumOfSquares: 1 }))).toBe("not_finite");
    expect(reasonOf(sampleFromSums({ n: 5, sum: 1e200, sumOfSquares: 1 }))).toBe("not_finite");
    expect(reasonOf(sampleFromSums({ n: 2.5, sum: 1, sumOfSquares: 1 }))).toBe("out_of_range");
    expect(reasonOf(sampleFromSums({ n: -3, sum: 1, sumOfSquares: 1 }))).toBe("out_of_range");
    expect(reasonOf(sampleFromCounts({ n: 5, successes: Number.NaN }))).toBe("not_finite");
    expect(reasonOf(sampleFromCounts({ n: 5, successes: 6 }))).toBe("out_of_range");
    expect(reasonOf(sampleFromCounts({ n: 5, successes: 0.5 }))).toBe("out_of_range");
  });

  it("refuses a sum of squares that no numbers have", () => {
    expect(reasonOf(sampleFromSums({ n: 10, sum: 10, sumOfSquares: 5 }))).toBe("out_of_range");
  });

  it("gives equal observations no spread, however their sums are rounded", () => {
    let sum = 0;
    let sumOfSquares = 0;
    for (let n = 1; n <= 100_000; n += 1) {
      sum += 0.1;
      sumOfSquares += 0.1 * 0.1;
      if (n % 99 !== 0) continue;
      expect(accepted(sampleFromSums({ n, sum, sumOfSquares })).variance).toBe(0);
    }
  });
});
