import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { describe, expect, it } from "vitest";
import { SeededGenerator } from "../../../src/numerics/random-generator.ts";
import { kolmogorovSmirnov, kolmogorovSmirnovBound } from "../../support/kolmogorov-smirnov.ts";

function take(generator: SeededGenerator, count: number): number[] {
  return Array.from({ length: count }, () => generator.next());
}

/** One false alarm in a million tests; the seeds are fixed. */
const bound = kolmogorovSmirnovBound(1e-6);
const uniform = (x: number) => x;

describe("SeededGenerator", () => {
  it("means the same stream by a seed for ever", () => {
    expect(take(SeededGenerator.fromSeed(20261124), 3)).toEqual([
      0.47802587949374764, 0.59541217283161, 0.7430981935680228,
    ]);
  });

  it("repeats a stream for the same seed, and only for the same", () => {
    const stream = take(SeededGenerator.fromSeed(-5), 50);
    expect(take(SeededGenerator.fromSeed(-5), 50)).toEqual(stream);
    for (const other of [5, -6, -5 + 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      expect(take(SeededGenerator.fromSeed(other), 1)).not.toEqual(stream.slice(0, 1));
    }
  });

  it("goes on from an exported state, also through JSON, and leaves the exported one alone", () => {
    const generator = SeededGenerator.fromSeed(42);
    take(generator, 1001);
    const state = generator.state();
    const next = take(generator, 1000);
    expect(take(SeededGenerator.fromState(state), 1000)).toEqual(next);
    expect(take(SeededGenerator.fromState(JSON.parse(JSON.stringify(state))), 1000)).toEqual(next);
  });

  it("refuses seeds and states that cannot be ones", () => {
    for (const seed of [Number.NaN, 0.5, 2 ** 53, Number.POSITIVE_INFINITY]) {
      expect(() => SeededGenerator.fromSeed(seed)).toThrow(RangeError);
    }
    for (const state of [[], [1, 2, 3], [0, 0, 0, 0], [1, 2, 3, 2 ** 31], [1, 2, 3, 0.5]]) {
      expect(() => SeededGenerator.fromState(state)).toThrow(RangeError);
    }
  });

  it("gives uniform multiples of 2^−53 in [0,1)", () => {
    const sample = take(SeededGenerator.fromSeed(1), 50_000);
    for (const value of sample) {
      expect(value >= 0 && value < 1 && Number.isInteger(value * 2 ** 53)).toBe(true);
    }
    expect(kolmogorovSmirnov(sample, uniform)).toBeLessThan(bound);
    // The lower half of the bits, too.
    const fractions = sample.map((value) => (value * 2 ** 27) % 1);
    expect(kolmogorovSmirnov(fractions, uniform)).toBeLessThan(bound);
  });

  it("finds numbers that lean by a hundredth (negative control)", () => {
    const sample = take(SeededGenerator.fromSeed(1), 50_000).map((value) => value ** 1.05);
    expect(kolmogorovSmirnov(sample, uniform)).toBeGreaterThan(bound);
  });

  it("starts neighbouring seeds far apart; the library's own seeding does not (negative control)", () => {
    const seeds = Array.from({ length: 20_000 }, (_, seed) => seed);
    const own = seeds.map((seed) => SeededGenerator.fromSeed(seed).next());
    expect(kolmogorovSmirnov(own, uniform)).toBeLessThan(bound);
    const library = seeds.map((seed) => (xoroshiro128plus(seed).next() >>> 0) / 2 ** 32);
    expect(kolmogorovSmirnov(library, uniform)).toBeGreaterThan(bound);
  });
});
