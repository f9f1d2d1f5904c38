import { describe, expect, it } from "vitest";
import {
  type ExactComparison,
  exactProportionTest,
} from "../../../src/statistics/exact-proportions.ts";
import { twoProportionTest } from "../../../src/statistics/two-proportions.ts";
import {
  accepted,
  reasonOf,
  statisticsReference,
} from "../../fixtures/reference/statistics-reference.ts";
import { largestError } from "../../support/largest-error.ts";

const cases = statisticsReference.exact_proportions;
const bound = 1e-12;

const errorOf = (one: (typeof cases)[number], test = exactProportionTest) =>
  largestError(accepted(test(one, one)), one, ["pValue", "low", "high"]);

describe("exact proportions against SciPy", () => {
  it.each(
    cases.map((one) => {
      const { control, treatment } = one;
      const name = `${control.successes} of ${control.n}, ${treatment.successes} of ${treatment.n}`;
      return [name, one] as const;
    }),
  )(`%s: within ${bound}`, (_, one) => {
    expect(errorOf(one)).toBeLessThan(bound);
  });

  it("one success more or less does not pass (negative control)", () => {
    const perturbed: typeof exactProportionTest = ({ control, treatment }, options) => {
      const moved = control.successes === 0 ? 1 : control.successes - 1;
      return exactProportionTest({ control: { ...control, successes: moved }, treatment }, options);
    };
    for (const one of cases) expect(errorOf(one, perturbed)).toBeGreaterThan(bound);
  });
});

/** Probability of every number of successes of n. */
function binomial(n: number, rate: number): number[] {
  const probabilities = [(1 - rate) ** n];
  for (let k = 0; k < n; k += 1) {
    probabilities.push(((probabilities[k] as number) * ((n - k) * rate)) / ((k + 1) * (1 - rate)));
  }
  return probabilities;
}

describe("exact proportions, enumerated over all tables", () => {
  const sizes = { control: 8, treatment: 14 };
  const tables = Array.from({ length: sizes.control + 1 }, (_, ofControl) =>
    Array.from({ length: sizes.treatment + 1 }, (_, ofTreatment) =>
      accepted(
        exactProportionTest({
          control: { n: sizes.control, successes: ofControl },
          treatment: { n: sizes.treatment, successes: ofTreatment },
        }),
      ),
    ),
  );
  /** How often, with these rates, a table passes. */
  const share = (rates: readonly [number, number], passes: (found: ExactComparison) => boolean) => {
    const [c, t] = [binomial(sizes.control, rates[0]), binomial(sizes.treatment, rates[1])];
    let sum = 0;
    tables.forEach((row, ofControl) => {
      row.forEach((found, ofTreatment) => {
        if (passes(found)) sum += (c[ofControl] as number) * (t[ofTreatment] as number);
      });
    });
    return sum;
  };
  const rates = Array.from({ length: 19 }, (_, at) => (at + 1) / 20);

  it("raise a false alarm in at most 5 percent of the runs, whatever the rate", () => {
    const alarm = ({ pValue }: ExactComparison) => pValue <= 0.05;
    for (const rate of rates) expect(share([rate, rate], alarm)).toBeLessThanOrEqual(0.05);
    // A z-test with the largest spread, which normal numbers would justify, is not strict enough (negative control).
    const approximate = ({ estimate }: ExactComparison) =>
      Math.abs(estimate) > 1.96 * Math.sqrt(0.25 * (1 / 8 + 1 / 14));
    expect(Math.max(...rates.map((rate) => share([rate, rate], approximate)))).toBeGreaterThan(
      0.05,
    );
  });

  it("cover in at least 92 percent for each pair of rates, and in 97 on average", () => {
    const coverages = rates.flatMap((control) =>
      rates.map((treatment) =>
        share([control, treatment], ({ low, high }) => {
          return low <= treatment - control + 1e-12 && high >= treatment - control - 1e-12;
        }),
      ),
    );
    expect(Math.min(...coverages)).toBeGreaterThan(0.92);
    expect(coverages.reduce((sum, one) => sum + one, 0) / coverages.length).toBeGreaterThan(0.97);
  });
});

describe("exact proportions of bad input", () => {
  const sound = { n: 10, successes: 4 };
  it.each([
    [{ n: 0, successes: 0 }, "empty"],
    [{ n: 10, successes: 11 }, "out_of_range"],
    [{ n: 10, successes: 0.5 }, "out_of_range"],
    [{ n: Number.NaN, successes: 1 }, "not_finite"],
    [{ n: 2e7, successes: 1 }, "out_of_range"],
  ])("%o: %s", (broken, reason) => {
    expect(reasonOf(exactProportionTest({ control: broken, treatment: sound }))).toBe(reason);
    expect(reasonOf(exactProportionTest({ control: sound, treatment: broken }))).toBe(reason);
    expect(reasonOf(exactProportionTest({ control: sound, treatment: sound }, { alpha: 1 }))).toBe(
      "out_of_range",
    );
  });

  it("speaks where the normal approximation refuses, and takes little time on large tables", () => {
    const few = { control: { n: 5, successes: 0 }, treatment: { n: 1, successes: 1 } };
    expect(reasonOf(twoProportionTest(few))).toBe("too_few");
    expect(accepted(exactProportionTest(few)).pValue).toBeCloseTo(1 / 6, 12);
    const many = { n: 1e7, successes: 5e6 };
    const { pValue } = accepted(exactProportionTest({ control: many, treatment: many }));
    expect(pValue).toBeCloseTo(1, 9);
  });
});
