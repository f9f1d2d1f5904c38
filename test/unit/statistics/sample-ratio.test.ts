import { describe, expect, it } from "vitest";
import {
  type ArmCount,
  sampleRatioSequence,
  sampleRatioTest,
} from "../../../src/statistics/sample-ratio.ts";
import {
  accepted,
  reasonOf,
  relativeError,
  statisticsReference,
} from "../../fixtures/reference/statistics-reference.ts";

const cases = statisticsReference.sample_ratio;

type Case = (typeof cases)[number];

const armsOf = ({ counts, shares }: Case): ArmCount[] =>
  counts.map((count, arm) => ({ count, share: shares[arm] as number }));

function chiSquareErrors(test: (arms: readonly ArmCount[]) => ReturnType<typeof sampleRatioTest>) {
  return cases.map((one) => {
    const found = accepted(test(armsOf(one)));
    return Math.max(
      relativeError(found.statistic, one.statistic),
      relativeError(found.pValue, one.p_value),
    );
  });
}

/** The reference takes differences of log-gammas of up to 1e9, of which it loses nine digits. */
function sequenceErrors(
  test: (arms: readonly ArmCount[]) => ReturnType<typeof sampleRatioSequence>,
) {
  return cases.map((one) =>
    relativeError(accepted(test(armsOf(one))).pValue, Math.min(1, Math.exp(-one.log_bayes_factor))),
  );
}

/** As if a unit of the first arm had been counted in the second. */
function misplaced(arms: readonly ArmCount[]): ArmCount[] {
  const change = [-1, 1];
  return arms.map(({ count, share }, arm) => ({ count: count + (change[arm] ?? 0), share }));
}

describe("sample ratio against SciPy", () => {
  it("chi-square test within 1e-13", () => {
    expect(Math.max(...chiSquareErrors(sampleRatioTest))).toBeLessThan(1e-13);
  });

  it("sequence within 1e-8", () => {
    expect(Math.max(...sequenceErrors(sampleRatioSequence))).toBeLessThan(1e-8);
  });

  it("one misplaced unit does not pass (negative control)", () => {
    const chiSquare = chiSquareErrors((arms) => sampleRatioTest(misplaced(arms)));
    expect(Math.min(...chiSquare)).toBeGreaterThan(1e-13);
    const sequence = sequenceErrors((arms) => sampleRatioSequence(misplaced(arms)));
    expect(Math.max(...sequence)).toBeGreaterThan(1e-8);
  });
});

describe("sample ratio", () => {
  const even = (counts: readonly number[]): ArmCount[] =>
    counts.map((count) => ({ count, share: 1 / counts.length }));

  it("calls a gross mismatch one, and a split as stated none", () => {
    for (const test of [sampleRatioTest, sampleRatioSequence]) {
      expect(accepted(test(even([5000, 4000]))).mismatch).toBe(true);
      expect(accepted(test(even([5000, 4950]))).mismatch).toBe(false);
    }
  });

  it("takes shares written with few decimals", () => {
    const thirds = [333_333, 333_333, 333_334].map((count) => ({ count, share: 0.3333333 }));
    expect(accepted(sampleRatioTest(thirds)).pValue).toBeGreaterThan(0.99);
    expect(accepted(sampleRatioSequence(thirds)).pValue).toBe(1);
  });

  it("refuses what it cannot judge", () => {
    for (const test of [sampleRatioTest, sampleRatioSequence]) {
      expect(reasonOf(test([]))).toBe("too_few");
      expect(reasonOf(test([{ count: 5, share: 0.5 }]))).toBe("too_few");
      expect(reasonOf(test(even([0, 0])))).toBe("empty");
      expect(reasonOf(test(even([10, -10])))).toBe("out_of_range");
      expect(reasonOf(test(even([10, 10.5])))).toBe("out_of_range");
      expect(reasonOf(test(even([10, Number.NaN])))).toBe("not_finite");
      expect(reasonOf(test(even([10, 20]), { alpha: 0 }))).toBe("out_of_range");
      const shares = (first: number, second: number) => [
        { count: 500, share: first },
        { count: 500, share: second },
      ];
      expect(reasonOf(test(shares(0.5, 0.4)))).toBe("out_of_range");
      expect(reasonOf(test(shares(0, 1)))).toBe("out_of_range");
      expect(reasonOf(test(shares(1.5, -0.5)))).toBe("out_of_range");
      expect(reasonOf(test(shares(Number.NaN, 0.5)))).toBe("not_finite");
    }
  });

  it("refuses expected counts below five, which the sequence takes", () => {
    const few = [
      { count: 20, share: 0.9 },
      { count: 20, share: 0.1 },
    ];
    expect(reasonOf(sampleRatioTest(few))).toBe("too_few");
    expect(accepted(sampleRatioSequence(few)).pValue).toBeLessThan(1e-4);
  });

  it("refuses more units than the sequence can tell apart", () => {
    expect(reasonOf(sampleRatioSequence(even([2e12, 2e12])))).toBe("out_of_range");
  });
});
