import { describe, expect, it } from "vitest";
import {
  differenceSequence,
  relativeDifferenceSequence,
  type SequenceOptions,
} from "../../../src/statistics/confidence-sequence.ts";
import type { Sample } from "../../../src/statistics/moments.ts";
import {
  accepted,
  reasonOf,
  relativeError,
  statisticsReference,
} from "../../fixtures/reference/statistics-reference.ts";
import { largestError } from "../../support/largest-error.ts";
import { sampleOfCounts } from "../../support/samples.ts";

const cases = statisticsReference.sequences;
const bound = 1e-12;

type Case = (typeof cases)[number];

const optionsOf = ({ alpha, tightest_at_n: tightestAtN }: Case): SequenceOptions => ({
  alpha,
  tightestAtN,
});

const errorsOf = (one: Case, sequence: typeof differenceSequence) =>
  largestError(accepted(sequence(one, optionsOf(one))), one, ["low", "high", "pValue"]);

const counts = (n: number, successes: number): Sample => sampleOfCounts({ n, successes });

describe("always-valid sequences against Theorem 2.2 in 50 digits, p-values by search", () => {
  cases.forEach((one, at) => {
    it(`case ${at + 1}: within ${bound}`, () => {
      expect(errorsOf(one, differenceSequence)).toBeLessThan(bound);
    });

    it(`case ${at + 1}: the relative effect holds exactly the ratios that are not excluded`, () => {
      const found = accepted(relativeDifferenceSequence(one, optionsOf(one)));
      expect(relativeError(found.low, one.relative_low)).toBeLessThan(bound);
      expect(relativeError(found.high, one.relative_high)).toBeLessThan(bound);
      expect(found.pValue).toBe(accepted(differenceSequence(one, optionsOf(one))).pValue);
    });
  });

  it("a level that is off by a relative 1e-8 does not pass (negative control)", () => {
    const perturbed: typeof differenceSequence = (arms, options) =>
      differenceSequence(arms, { ...options, alpha: (options?.alpha ?? 0.05) * (1 + 1e-8) });
    for (const one of cases) expect(errorsOf(one, perturbed)).toBeGreaterThan(bound);
  });
});

describe("the p-value and the interval", () => {
  it("agree: 0 is left out exactly when this look's p-value is at most alpha", () => {
    const control = counts(1000, 500);
    let excluded = 0;
    for (let successes = 400; successes <= 600; successes += 1) {
      const arms = { control, treatment: counts(1000, successes) };
      const look = accepted(differenceSequence(arms));
      expect(look.low > 0 || look.high < 0).toBe(look.pValue <= 0.05);
      const relative = accepted(relativeDifferenceSequence(arms));
      expect(relative.low > 0 || relative.high < 0).toBe(look.pValue <= 0.05);
      if (look.pValue <= 0.05) excluded += 1;
    }
    expect(excluded).toBeGreaterThan(10);
    expect(excluded).toBeLessThan(190);
  });

  it("the interval is tightest, against the usual one, where it was told to be", () => {
    const width = (n: number): number => {
      const sample = { n, mean: 0.5, variance: 0.25 };
      const arms = { control: sample, treatment: sample };
      const look = accepted(differenceSequence(arms, { tightestAtN: 400 }));
      return (look.high - look.low) / look.standardError;
    };
    expect(width(400)).toBeLessThan(width(390));
    expect(width(400)).toBeLessThan(width(410));
  });
});

describe("sequences keep silent", () => {
  const enough = counts(400, 200);

  it("before 30 successes and 30 failures in each arm", () => {
    for (const few of [counts(400, 29), counts(400, 371)]) {
      expect(reasonOf(differenceSequence({ control: few, treatment: enough }))).toBe("too_few");
      expect(reasonOf(differenceSequence({ control: enough, treatment: few }))).toBe("too_few");
    }
    for (let n = 60; n <= 4000; n += 7) {
      for (const just of [counts(n, 30), counts(n, n - 30)]) {
        const arms = { control: just, treatment: enough };
        expect(reasonOf(differenceSequence(arms))).toBe("accepted");
      }
    }
  });

  it("in another range, before 30 of its width lie on either side", () => {
    const range = { low: 1, high: 5 };
    const few = { n: 60, mean: 2.9, variance: 1 };
    const just = { n: 60, mean: 3, variance: 1 };
    const reason = (control: Sample) =>
      reasonOf(differenceSequence({ control, treatment: just }, { range }));
    expect([few, just].map(reason)).toEqual(["too_few", "accepted"]);
  });

  it("without a range, before 100 observations an arm", () => {
    const sample = (n: number): Sample => ({ n, mean: 12, variance: 9 });
    const range = "unbounded";
    const arms = (n: number) => ({ control: sample(n), treatment: sample(5000) });
    expect(reasonOf(differenceSequence(arms(99), { range }))).toBe("too_few");
    expect(reasonOf(differenceSequence(arms(100), { range }))).toBe("accepted");
  });
});

describe("sequences of bad input", () => {
  const sound: Sample = { n: 400, mean: 0.5, variance: 0.04 };
  const both = (part: Partial<Sample>) => ({ control: sound, treatment: { ...sound, ...part } });

  it.each<[Partial<Sample>, string]>([
    [{ n: 0 }, "empty"],
    [{ n: 1 }, "too_few"],
    [{ variance: 0 }, "zero_variance"],
    [{ variance: -1 }, "out_of_range"],
    [{ mean: Number.NaN }, "not_finite"],
    // No observations in [0,1] have such moments.
    [{ mean: 1.2 }, "out_of_range"],
    [{ mean: -0.1 }, "out_of_range"],
    [{ variance: 0.26 }, "out_of_range"],
  ])("refuses samples without sense: %o: %s", (part, reason) => {
    expect(reasonOf(differenceSequence(both(part)))).toBe(reason);
  });

  it.each<SequenceOptions>([
    { alpha: 1 },
    { tightestAtN: 0 },
    { tightestAtN: Number.NaN },
    { range: { low: 1, high: 0 } },
    { range: { low: 0, high: Number.POSITIVE_INFINITY } },
  ])("refuses options without sense: %o", (options) => {
    expect(reasonOf(differenceSequence(both({}), options))).toBe("out_of_range");
  });

  it("refuses to divide by a control mean that may be 0", () => {
    const range = "unbounded";
    const wide = { n: 400, mean: 0.1, variance: 1 };
    const arms = { control: wide, treatment: sound };
    expect(reasonOf(differenceSequence(arms, { range }))).toBe("accepted");
    expect(reasonOf(relativeDifferenceSequence(arms, { range }))).toBe("out_of_range");
    const negative = { control: { ...sound, mean: -0.5 }, treatment: sound };
    expect(reasonOf(relativeDifferenceSequence(negative, { range }))).toBe("out_of_range");
  });

  it("refuses a relative effect whose standard error is too small for a number", () => {
    const range = "unbounded";
    const control = { n: 400, mean: 1e8, variance: 1e-310 };
    const arms = { control, treatment: { ...control, mean: 1 } };
    expect(reasonOf(differenceSequence(arms, { range }))).toBe("accepted");
    expect(reasonOf(relativeDifferenceSequence(arms, { range }))).toBe("zero_variance");
  });
});
