import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalQuantile, normalSf, normalUpperQuantile } from "../../../src/numerics/normal.ts";
import { SeededGenerator } from "../../../src/numerics/random-generator.ts";
import {
  studentTQuantile,
  studentTSf,
  studentTUpperQuantile,
} from "../../../src/numerics/student-t.ts";
import { forAll } from "../../support/for-all.ts";
import {
  betaCdf,
  betaQuantile,
  betaSf,
  betaUpperQuantile,
  normalCdf,
  studentTCdf,
} from "../../support/lower-tails.ts";
import { sampleBeta, sampleGamma } from "../../support/sampling.ts";

interface Distribution {
  readonly cdf: (x: number) => number;
  readonly sf: (x: number) => number;
  readonly quantile: (p: number) => number;
  readonly upperQuantile: (q: number) => number;
}

const families: Readonly<Record<string, (first: number, second: number) => Distribution>> = {
  normal: () => ({
    cdf: normalCdf,
    sf: normalSf,
    quantile: normalQuantile,
    upperQuantile: normalUpperQuantile,
  }),
  beta: (alpha, beta) => ({
    cdf: (x) => betaCdf(x, { alpha, beta }),
    sf: (x) => betaSf(x, { alpha, beta }),
    quantile: (p) => betaQuantile(p, { alpha, beta }),
    upperQuantile: (q) => betaUpperQuantile(q, { alpha, beta }),
  }),
  "Student t": (df) => ({
    cdf: (x) => studentTCdf(x, df),
    sf: (x) => studentTSf(x, df),
    quantile: (p) => studentTQuantile(p, df),
    upperQuantile: (q) => studentTUpperQuantile(q, df),
  }),
};

const exponent = (low: number, high: number) =>
  fc.double({ min: low, max: high, noNaN: true }).map((power) => 10 ** power);
/** Every order of magnitude, and the places where the methods change. */
const shape = fc.oneof(
  exponent(-6, 12),
  exponent(-2, 3),
  fc.constantFrom(0.5, 1, 2, 10, 20, 1e7),
  exponent(-99, 99),
);
const probability = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  exponent(-300, -1),
  fc.constantFrom(0, 5e-324, 2 ** -53, 0.25, 0.5, 0.75, 1 - 2 ** -53, 1),
);

/** `value`, moved by a relative 1e-11 towards `to`: more than rounding, less than a mistake. */
function nudged(value: number, to: number): number {
  return Number.isFinite(value) ? value + Math.sign(to - value) * Math.abs(value) * 1e-11 : value;
}

describe.each(Object.entries(families))("%s distribution", (name, family) => {
  const lowest = name === "normal" || name === "Student t" ? Number.NEGATIVE_INFINITY : 0;
  const highest = name === "beta" ? 1 : Number.POSITIVE_INFINITY;

  it("has a distribution function and a survival function that add up to 1", () =>
    forAll([shape, shape, probability], { seed: 1, numRuns: 3000 }, (first, second, p) => {
      const { cdf, sf, quantile } = family(first, second);
      const x = quantile(p);
      expect(Math.abs(cdf(x) + sf(x) - 1)).toBeLessThan(1e-13);
    }));

  it("never falls, up to the rounding where one method takes over from another", async () => {
    const change = fc.oneof(exponent(-16, 0), fc.constant(0));
    await forAll(
      [shape, shape, probability, change],
      { seed: 2, numRuns: 3000 },
      (first, second, p, relative) => {
        const { cdf, sf, quantile } = family(first, second);
        const x = Math.min(quantile(p), Number.MAX_VALUE);
        const further = name === "beta" ? x + (1 - x) * relative : x + Math.abs(x) * relative;
        fc.pre(!Number.isNaN(further));
        expect(cdf(further)).toBeGreaterThanOrEqual(nudged(cdf(x), 0));
        expect(sf(further)).toBeLessThanOrEqual(nudged(sf(x), 2));
      },
    );
  });

  it("has quantiles that rise with the probability", () =>
    forAll(
      [shape, shape, probability, probability],
      { seed: 3, numRuns: 3000 },
      (first, second, one, other) => {
        const { quantile, upperQuantile } = family(first, second);
        const low = Math.min(one, other);
        const high = Math.max(one, other);
        // For tiny shapes the last digit of p is worth more in x than in p.
        const slack = (x: number) => (Number.isFinite(x) ? x - Math.abs(x) * 1e-6 : x);
        expect(quantile(high)).toBeGreaterThanOrEqual(slack(quantile(low)));
        expect(upperQuantile(low)).toBeGreaterThanOrEqual(slack(upperQuantile(high)));
      },
    ));

  it("undoes its quantiles, as well as the last digits of the quantile let it", () =>
    forAll([shape, shape, probability], { seed: 4, numRuns: 3000 }, (first, second, p) => {
      const { cdf, sf, quantile, upperQuantile } = family(first, second);
      for (const [x, mass, rises] of [
        [quantile(p), cdf, true],
        [upperQuantile(p), sf, false],
      ] as const) {
        // x is off by no more than 2e-13, so p is between the masses at x − gap and x + gap.
        const gap = Number.isFinite(x) ? Math.max(Math.abs(x) * 2e-13, 1e-300) : 0;
        const before = mass(Math.min(Math.max(x - gap, lowest), Number.MAX_VALUE));
        const after = mass(Math.max(Math.min(x + gap, highest), -Number.MAX_VALUE));
        const [least, most] = rises ? [before, after] : [after, before];
        expect(p).toBeGreaterThanOrEqual(nudged(least, 0));
        expect(p).toBeLessThanOrEqual(nudged(most, 2));
      }
    }));

  it("is a number everywhere inside its domain and NaN outside", async () => {
    const anyNumber = fc.oneof(fc.double(), probability, exponent(-320, 308));
    await forAll([shape, shape, anyNumber], { seed: 5, numRuns: 5000 }, (first, second, x) => {
      const { cdf, sf, quantile, upperQuantile } = family(first, second);
      for (const mass of [cdf(x), sf(x)]) {
        if (x >= lowest && x <= highest) expect(mass >= 0 && mass <= 1).toBe(true);
        else expect(mass).toBeNaN();
      }
      for (const value of [quantile(x), upperQuantile(x)]) {
        if (x >= 0 && x <= 1) expect(value >= lowest && value <= highest).toBe(true);
        else expect(value).toBeNaN();
      }
    });
  });
});

describe("outside the range of shapes", () => {
  it.each(Object.entries(families).filter(([name]) => name !== "normal"))(
    "%s: everything is NaN",
    (_, family) => {
      for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e-200, 1e200]) {
        const { cdf, sf, quantile, upperQuantile } = family(bad, bad);
        expect([cdf(0.5), sf(0.5), quantile(0.5), upperQuantile(0.5)]).toEqual(
          new Array(4).fill(Number.NaN),
        );
      }
    },
  );
});

describe("symmetries", () => {
  it("Beta(α, β) at x is Beta(β, α) at 1 − x from the other side", () =>
    // Multiples of 2^−30: 1 − x is exact.
    forAll(
      [shape, shape, fc.integer({ min: 0, max: 2 ** 30 })],
      { seed: 6, numRuns: 5000 },
      (alpha, beta, count) => {
        const x = count / 2 ** 30;
        const here = betaCdf(x, { alpha, beta });
        const there = betaSf(1 - x, { alpha: beta, beta: alpha });
        return Math.abs(here - there) <= 1e-11 * here;
      },
    ));

  it("normal and t distributions are the same on both sides, to the last bit", () =>
    forAll(
      [fc.double({ noNaN: true }), shape, probability],
      { seed: 7, numRuns: 3000 },
      (x, df, p) => {
        expect(normalCdf(-x)).toBe(normalSf(x));
        expect(studentTCdf(-x, df)).toBe(studentTSf(x, df));
        expect(normalUpperQuantile(p) + normalQuantile(p)).toBeOneOf([0, Number.NaN]);
        expect(studentTUpperQuantile(p, df) + studentTQuantile(p, df)).toBeOneOf([0, Number.NaN]);
      },
    ));
});

describe("samples", () => {
  it("are numbers of the distribution's range for every shape from 1e-3 to 1e9", async () => {
    const sampled = exponent(-3, 9);
    await forAll([sampled, sampled, fc.nat()], { seed: 10, numRuns: 2000 }, (alpha, beta, seed) => {
      const source = SeededGenerator.fromSeed(seed);
      for (let count = 0; count < 20; count += 1) {
        const gamma = sampleGamma(source, alpha);
        const share = sampleBeta(source, { alpha, beta });
        if (!(gamma >= 0 && gamma < Number.POSITIVE_INFINITY)) return false;
        if (!(share >= 0 && share <= 1)) return false;
      }
      return true;
    });
  });

  it("are NaN for what is no shape", () => {
    const source = SeededGenerator.fromSeed(1);
    for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(sampleGamma(source, bad)).toBeNaN();
      expect(sampleBeta(source, { alpha: bad, beta: 1 })).toBeNaN();
    }
  });
});
