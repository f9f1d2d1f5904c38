import { describe, expect, it } from "vitest";
import type { Sample } from "../../../src/statistics/moments.ts";
import { relativeWelchTest, welchTest } from "../../../src/statistics/welch.ts";
import {
  accepted,
  reasonOf,
  statisticsReference,
} from "../../fixtures/reference/statistics-reference.ts";
import { largestError } from "../../support/largest-error.ts";

const cases = statisticsReference.welch;
/** Numerators that cancel lose digits: "very large arms" differ by 3e-5 of their size. */
const bound = 1e-11;

type Case = (typeof cases)[number];

const errorsOfDifference = (one: Case, test: typeof welchTest) => {
  const names = ["statistic", "degreesOfFreedom", "pValue", "low", "high"] as const;
  return largestError(accepted(test(one, one)), one, names);
};

const errorsOfRatio = (one: Case, test: typeof relativeWelchTest) => {
  const names = ["estimate", "standardError", "pValue", "low", "high"] as const;
  return largestError(accepted(test(one, one)), one.relative, names);
};

const withVariance = (sample: Sample, factor: number) => ({
  ...sample,
  variance: sample.variance * factor,
});

describe("Welch's t-test against SciPy", () => {
  for (const one of cases) {
    it(`${one.name}: difference within ${bound}`, () => {
      expect(errorsOfDifference(one, welchTest)).toBeLessThan(bound);
    });

    it(`${one.name}: relative effect within 1e-9 of statsmodels' delta method`, () => {
      expect(errorsOfRatio(one, relativeWelchTest)).toBeLessThan(1e-9);
    });
  }

  it("a variance that is off by a relative 1e-8 does not pass (negative control)", () => {
    const perturbed: typeof welchTest = ({ control, treatment }, options) =>
      welchTest({ control: withVariance(control, 1 + 1e-8), treatment }, options);
    for (const one of cases) expect(errorsOfDifference(one, perturbed)).toBeGreaterThan(bound);
  });

  it("a ratio that forgets the control's variance does not pass (negative control)", () => {
    const perturbed: typeof relativeWelchTest = ({ control, treatment }, options) =>
      relativeWelchTest({ control: withVariance(control, 1 / 4), treatment }, options);
    for (const one of cases) expect(errorsOfRatio(one, perturbed)).toBeGreaterThan(1e-9);
  });
});

describe("Welch's t-test of bad input", () => {
  const sound: Sample = { n: 50, mean: 0.5, variance: 0.04 };
  const bad: [string, Partial<Sample>, string][] = [
    ["no observations", { n: 0 }, "empty"],
    ["one observation", { n: 1 }, "too_few"],
    ["half an observation", { n: 10.5 }, "out_of_range"],
    ["a negative n", { n: -1 }, "out_of_range"],
    ["an n that is not a number", { n: Number.NaN }, "not_finite"],
    ["no spread", { variance: 0 }, "zero_variance"],
    ["a negative variance", { variance: -1e-9 }, "out_of_range"],
    ["an infinite variance", { variance: Number.POSITIVE_INFINITY }, "not_finite"],
    ["a mean that is not a number", { mean: Number.NaN }, "not_finite"],
    ["an infinite mean", { mean: Number.NEGATIVE_INFINITY }, "not_finite"],
  ];
  it.each(bad)("%s", (_, part, reason) => {
    const broken = { ...sound, ...part };
    expect(reasonOf(welchTest({ control: broken, treatment: sound }))).toBe(reason);
    expect(reasonOf(welchTest({ control: sound, treatment: broken }))).toBe(reason);
    expect(reasonOf(relativeWelchTest({ control: sound, treatment: broken }))).toBe(reason);
  });

  it("names the arm that is to blame", () => {
    const result = welchTest({ control: sound, treatment: { ...sound, n: 1 } });
    expect(result.ok ? "" : result.refusal.message).toContain("the treatment");
  });

  it.each([0, 1, -0.05, 5, Number.NaN])("refuses the level %s", (alpha) => {
    expect(reasonOf(welchTest({ control: sound, treatment: sound }, { alpha }))).toMatch(
      /out_of_range|not_finite/,
    );
  });

  it("refuses to divide by a control mean near 0 or below", () => {
    const near = { n: 100, mean: 0.0499, variance: 0.01 };
    expect(reasonOf(relativeWelchTest({ control: near, treatment: sound }))).toBe("out_of_range");
    const far = { ...near, mean: 0.0501 };
    expect(reasonOf(relativeWelchTest({ control: far, treatment: sound }))).toBe("accepted");
    const below = { ...sound, mean: -0.5 };
    expect(reasonOf(relativeWelchTest({ control: below, treatment: sound }))).toBe("out_of_range");
  });

  it("refuses numbers that overflow", () => {
    const large = { n: 50, mean: 1e308, variance: 1 };
    const result = welchTest({ control: { ...large, mean: -1e308 }, treatment: large });
    expect(reasonOf(result)).toBe("not_finite");
  });
});
