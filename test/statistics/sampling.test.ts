import { describe, expect, it } from "vitest";
import { gammaCdf } from "../../src/numerics/incomplete-gamma.ts";
import { SeededGenerator, type UniformSource } from "../../src/numerics/random-generator.ts";
import { kolmogorovSmirnov, kolmogorovSmirnovBound } from "../support/kolmogorov-smirnov.ts";
import { betaCdf, normalCdf } from "../support/lower-tails.ts";
import { sampleBeta, sampleGamma, sampleNormal } from "../support/sampling.ts";

/**
 * Samples against the distribution functions, which are checked against mpmath. A Kolmogorov–Smirnov
 * test raises one false alarm in a million, a mean off by 5 standard errors one in 1.7 million; with
 * about 50 tests here, less than one new seed in 20,000 would fail. The seeds are fixed.
 */
const draws = 40_000;
const bound = kolmogorovSmirnovBound(1e-6);

function sampleOf(seed: number, draw: (source: UniformSource) => number): number[] {
  const source = SeededGenerator.fromSeed(seed);
  return Array.from({ length: draws }, () => draw(source));
}

/** Distance of the sample's mean from the true one, in standard errors. */
function meanDeviation(sample: readonly number[], mean: number, variance: number): number {
  const sampleMean = sample.reduce((sum, value) => sum + value, 0) / sample.length;
  return Math.abs(sampleMean - mean) / Math.sqrt(variance / sample.length);
}

/** Distance of the sample's variance about the true mean, in standard errors; `kurtosis` is μ₄/σ⁴. */
function varianceDeviation(
  sample: readonly number[],
  moments: { mean: number; variance: number; kurtosis: number },
): number {
  const { mean, variance, kurtosis } = moments;
  const square = sample.reduce((sum, value) => sum + (value - mean) ** 2, 0) / sample.length;
  return Math.abs(square / variance - 1) / Math.sqrt((kurtosis - 1) / sample.length);
}

describe("sampleNormal", () => {
  const sample = sampleOf(11, sampleNormal);

  it("follows the normal distribution, with its mean and variance", () => {
    expect(kolmogorovSmirnov(sample, normalCdf)).toBeLessThan(bound);
    expect(meanDeviation(sample, 0, 1)).toBeLessThan(5);
    expect(varianceDeviation(sample, { mean: 0, variance: 1, kurtosis: 3 })).toBeLessThan(5);
  });

  it("is told from one that is shifted by 0.05 or wider by 5 % (negative control)", () => {
    expect(kolmogorovSmirnov(sample, (x) => normalCdf(x - 0.05))).toBeGreaterThan(bound);
    expect(varianceDeviation(sample, { mean: 0, variance: 1.1, kurtosis: 3 })).toBeGreaterThan(5);
  });

  it("takes 0 and the number next to 1 from its source", () => {
    expect(sampleNormal({ next: () => 0 })).toBeCloseTo(-8.2924, 3);
    expect(sampleNormal({ next: () => 1 - 2 ** -53 })).toBeCloseTo(8.2924, 3);
  });
});

describe("sampleGamma", () => {
  const shapes = [0.001, 0.01, 0.3, 0.999, 1, 1.5, 7, 300, 1e5, 1e9];

  it.each(shapes)("shape %d: follows the gamma distribution", (shape) => {
    const sample = sampleOf(21, (source) => sampleGamma(source, shape));
    expect(kolmogorovSmirnov(sample, (x) => gammaCdf(x, shape), [0])).toBeLessThan(bound);
  });

  it.each(shapes.filter((shape) => shape >= 0.3))("shape %d: has its moments", (shape) => {
    const sample = sampleOf(22, (source) => sampleGamma(source, shape));
    const moments = { mean: shape, variance: shape, kurtosis: 3 + 6 / shape };
    expect(meanDeviation(sample, moments.mean, moments.variance)).toBeLessThan(5);
    expect(varianceDeviation(sample, moments)).toBeLessThan(5);
  });

  it.each(shapes)("shape %d: is told from a slightly other shape (negative control)", (shape) => {
    const sample = sampleOf(21, (source) => sampleGamma(source, shape));
    const other = shape * (1 + 0.1 / Math.sqrt(1 + shape));
    expect(kolmogorovSmirnov(sample, (x) => gammaCdf(x, other), [0])).toBeGreaterThan(bound);
  });
});

describe("sampleBeta", () => {
  const shapes = [
    [0.001, 0.001],
    [0.01, 0.01],
    [0.5, 0.5],
    [1, 1],
    [0.05, 200],
    [1e6, 0.2],
    [3, 8],
    [120, 70],
    [4e5, 6e5],
    [1e9, 1e9],
  ] as const;
  const cases = shapes.map(([alpha, beta]) => ({ alpha, beta }));

  it.each(cases)("$alpha, $beta: follows the beta distribution, with its mean", (shape) => {
    const sample = sampleOf(31, (source) => sampleBeta(source, shape));
    expect(kolmogorovSmirnov(sample, (x) => betaCdf(x, shape), [0, 1])).toBeLessThan(bound);
    const total = shape.alpha + shape.beta;
    const mean = shape.alpha / total;
    const variance = (mean * (shape.beta / total)) / (total + 1);
    expect(meanDeviation(sample, mean, variance)).toBeLessThan(5);
  });

  it.each(cases)("$alpha, $beta: is told from a slightly other one (negative control)", (shape) => {
    const sample = sampleOf(31, (source) => sampleBeta(source, shape));
    const off = 1 + 0.1 / Math.sqrt(1 + Math.min(shape.alpha, shape.beta));
    // The smaller shape is the one that counts.
    const other =
      shape.alpha < shape.beta
        ? { ...shape, alpha: shape.alpha * off }
        : { ...shape, beta: shape.beta * off };
    expect(kolmogorovSmirnov(sample, (x) => betaCdf(x, other), [0, 1])).toBeGreaterThan(bound);
  });

  it("is exactly 0 or 1 for Beta(0.01, 0.01) as often as the distribution says, and never NaN", () => {
    const shape = { alpha: 0.01, beta: 0.01 };
    const sample = sampleOf(32, (source) => sampleBeta(source, shape));
    expect(sample.every((value) => value >= 0 && value <= 1)).toBe(true);
    // Above 1 − 2^−54 the nearest number is 1.
    const expected = betaCdf(2 ** -54, { alpha: shape.beta, beta: shape.alpha });
    const ones = sample.filter((value) => value === 1).length;
    const error = Math.sqrt(expected * (1 - expected) * draws);
    expect(Math.abs(ones - expected * draws)).toBeLessThan(5 * error);
  });
});

describe("sampling from a state", () => {
  it("goes on where the state was taken, in the middle of any mixture of draws", () => {
    const source = SeededGenerator.fromSeed(41);
    const mixture = (from: UniformSource) => [
      sampleNormal(from),
      sampleGamma(from, 0.2),
      sampleGamma(from, 30),
      sampleBeta(from, { alpha: 0.7, beta: 4e6 }),
    ];
    for (let count = 0; count < 100; count += 1) mixture(source);
    const state = source.state();
    expect(mixture(SeededGenerator.fromState(state))).toEqual(mixture(source));
  });
});
