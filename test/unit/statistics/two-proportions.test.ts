import { describe, expect, it } from "vitest";
import {
  relativeProportionTest,
  twoProportionTest,
} from "../../../src/statistics/two-proportions.ts";
import {
  accepted,
  reasonOf,
  statisticsReference,
} from "../../fixtures/reference/statistics-reference.ts";
import { largestError } from "../../support/largest-error.ts";

const cases = statisticsReference.proportions;
const bound = 1e-12;

type Case = (typeof cases)[number];

const errorsOfDifference = (one: Case, test: typeof twoProportionTest) =>
  largestError(accepted(test(one, one)), one, ["pValue", "low", "high", "standardError"]);

const errorsOfRatio = (one: Case, test: typeof relativeProportionTest) =>
  one.relative === null
    ? 0
    : largestError(accepted(test(one, one)), one.relative, ["pValue", "low", "high"]);

describe("two proportions against statsmodels", () => {
  for (const one of cases) {
    const { control, treatment } = one;
    const name = `${control.successes} of ${control.n}, ${treatment.successes} of ${treatment.n}`;
    it(`${name}: within ${bound}`, () => {
      expect(errorsOfDifference(one, twoProportionTest)).toBeLessThan(bound);
      expect(errorsOfRatio(one, relativeProportionTest)).toBeLessThan(bound);
    });
  }

  it("one success more or less does not pass (negative control)", () => {
    const perturbed = <Test extends typeof twoProportionTest>(test: Test): Test =>
      ((arms, options) => {
        const { n, successes } = arms.control;
        const moved = successes === 0 ? 1 : successes - 1;
        return test({ ...arms, control: { n, successes: moved } }, options);
      }) as Test;
    for (const one of cases) {
      expect(errorsOfDifference(one, perturbed(twoProportionTest))).toBeGreaterThan(bound);
      if (one.relative === null) continue;
      expect(errorsOfRatio(one, perturbed(relativeProportionTest))).toBeGreaterThan(bound);
    }
  });

  it("a level that is off by a relative 1e-9 does not pass (negative control)", () => {
    const perturbed: typeof twoProportionTest = (arms, options) =>
      twoProportionTest(arms, { alpha: (options?.alpha ?? 0.05) * (1 + 1e-9) });
    for (const one of cases) expect(errorsOfDifference(one, perturbed)).toBeGreaterThan(bound);
  });
});

describe("two proportions of bad input", () => {
  const sound = { n: 100, successes: 40 };
  const bad: [string, { n: number; successes: number }, string][] = [
    ["no observations", { n: 0, successes: 0 }, "empty"],
    ["one observation", { n: 1, successes: 0 }, "too_few"],
    ["more successes than observations", { n: 10, successes: 11 }, "out_of_range"],
    ["negative successes", { n: 10, successes: -1 }, "out_of_range"],
    ["a fraction of a success", { n: 10, successes: 0.5 }, "out_of_range"],
    ["successes that are not a number", { n: 10, successes: Number.NaN }, "not_finite"],
    ["an infinite n", { n: Number.POSITIVE_INFINITY, successes: 1 }, "not_finite"],
    ["too few to expect five of each", { n: 10, successes: 4 }, "too_few"],
  ];
  it.each(bad)("%s", (_, broken, reason) => {
    expect(reasonOf(twoProportionTest({ control: broken, treatment: sound }))).toBe(reason);
    expect(reasonOf(twoProportionTest({ control: sound, treatment: broken }))).toBe(reason);
    expect(reasonOf(relativeProportionTest({ control: sound, treatment: broken }))).toBe(reason);
  });

  it("refuses arms that are all successes or all failures", () => {
    for (const successes of [0, 100]) {
      const all = { n: 100, successes };
      expect(reasonOf(twoProportionTest({ control: all, treatment: all }))).toBe("zero_variance");
    }
  });

  it("refuses a ratio with fewer than five successes in an arm", () => {
    const few = { n: 1000, successes: 4 };
    const many = { n: 1000, successes: 40 };
    expect(reasonOf(twoProportionTest({ control: few, treatment: many }))).toBe("accepted");
    expect(reasonOf(relativeProportionTest({ control: few, treatment: many }))).toBe("too_few");
  });
});
