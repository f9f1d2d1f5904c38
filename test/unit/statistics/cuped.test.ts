import { describe, expect, it } from "vitest";
import { type CovariateSums, cupedAdjustment, cupedTest } from "../../../src/statistics/cuped.ts";
import { welchTest } from "../../../src/statistics/welch.ts";
import {
  accepted,
  reasonOf,
  relativeError,
  statisticsReference,
} from "../../fixtures/reference/statistics-reference.ts";
import { largestError } from "../../support/largest-error.ts";

const cases = statisticsReference.cuped;
const bound = 1e-11;

type Case = (typeof cases)[number];

const errorsOf = (one: Case, test: typeof cupedTest) => {
  const names = ["theta", "varianceReduction", "pValue", "low", "high"] as const;
  return largestError(accepted(test(one, one)), one, names);
};

function unadjusted({ n, sumY, sumYY }: CovariateSums) {
  return { n, mean: sumY / n, variance: (sumYY - sumY ** 2 / n) / (n - 1) };
}

describe("CUPED against SciPy's t-test of outcomes adjusted with NumPy", () => {
  for (const one of cases) {
    it(`${one.name}: within ${bound}`, () => {
      expect(errorsOf(one, cupedTest)).toBeLessThan(bound);
    });

    it(`${one.name}: the adjusted means within ${bound}`, () => {
      const adjusted = accepted(cupedAdjustment(one));
      expect(relativeError(adjusted.control.mean, one.control_mean)).toBeLessThan(bound);
      expect(relativeError(adjusted.treatment.mean, one.treatment_mean)).toBeLessThan(bound);
    });

    it(`${one.name}: the standard error is √(1 − varianceReduction) of what it was`, () => {
      const adjusted = accepted(cupedTest(one));
      const arms = { control: unadjusted(one.control), treatment: unadjusted(one.treatment) };
      const before = accepted(welchTest(arms)).standardError;
      expect(
        relativeError(adjusted.standardError, before * Math.sqrt(1 - adjusted.varianceReduction)),
      ).toBeLessThan(1e-10);
    });
  }

  it("a covariance that is off by a relative 1e-6 does not pass (negative control)", () => {
    const perturbed: typeof cupedTest = ({ control, treatment }, options) =>
      cupedTest({ control: { ...control, sumXY: control.sumXY * (1 + 1e-6) }, treatment }, options);
    for (const one of cases) expect(errorsOf(one, perturbed)).toBeGreaterThan(bound);
  });
});

describe("CUPED of bad input", () => {
  const sound: CovariateSums = { n: 20, sumX: 20, sumY: 10, sumXX: 40, sumYY: 9, sumXY: 12 };
  const bad: [string, Partial<CovariateSums>, string][] = [
    ["no observations", { n: 0 }, "empty"],
    ["nine observations", { n: 9 }, "too_few"],
    ["a sum that is not a number", { sumXY: Number.NaN }, "not_finite"],
    ["an infinite sum", { sumYY: Number.POSITIVE_INFINITY }, "not_finite"],
    ["a covariate that is always the same", { sumXX: 20, sumXY: 10 }, "zero_variance"],
    ["an outcome that is always the same", { sumYY: 5, sumXY: 10 }, "zero_variance"],
    ["squares that no numbers have", { sumXX: 10 }, "out_of_range"],
    ["products that no numbers have", { sumXY: 30 }, "out_of_range"],
  ];
  it.each(bad)("%s", (_, part, reason) => {
    const broken = { ...sound, ...part };
    expect(reasonOf(cupedTest({ control: sound, treatment: sound }))).toBe("accepted");
    expect(reasonOf(cupedTest({ control: broken, treatment: sound }))).toBe(reason);
    expect(reasonOf(cupedTest({ control: sound, treatment: broken }))).toBe(reason);
  });

  it("refuses a covariate that is the outcome", () => {
    const same = { n: 20, sumX: 10, sumY: 10, sumXX: 9, sumYY: 9, sumXY: 9 };
    expect(reasonOf(cupedTest({ control: same, treatment: same }))).toBe("zero_variance");
  });
});
