import { describe, expect, it } from "vitest";
import { holmAdjustment } from "../../../src/statistics/holm.ts";
import {
  accepted,
  reasonOf,
  relativeError,
  statisticsReference,
} from "../../fixtures/reference/statistics-reference.ts";

const cases = statisticsReference.holm;

function worstError(adjust: (pValues: readonly number[]) => readonly number[]): number {
  return Math.max(
    ...cases.flatMap(({ p_values: pValues, adjusted }) =>
      adjust(pValues).map((value, at) => relativeError(value, adjusted[at] as number)),
    ),
  );
}

describe("Holm's adjustment against statsmodels", () => {
  it("gives the same p-values within 1e-15", () => {
    const adjust = (pValues: readonly number[]) =>
      accepted(holmAdjustment(pValues)).map((decision) => decision.adjustedPValue);
    expect(worstError(adjust)).toBeLessThan(1e-15);
  });

  it("rejects the same hypotheses", () => {
    for (const { p_values: pValues, rejected } of cases) {
      expect(accepted(holmAdjustment(pValues)).map((decision) => decision.rejected)).toEqual(
        rejected,
      );
    }
  });

  it("Bonferroni's adjustment does not pass (negative control)", () => {
    const bonferroni = (pValues: readonly number[]) =>
      pValues.map((pValue) => Math.min(1, pValue * pValues.length));
    expect(worstError(bonferroni)).toBeGreaterThan(0.1);
  });

  it("refuses an empty list, what is no probability, and no level", () => {
    expect(reasonOf(holmAdjustment([]))).toBe("empty");
    expect(reasonOf(holmAdjustment([0.5, Number.NaN]))).toBe("not_finite");
    expect(reasonOf(holmAdjustment([0.5, 1.1]))).toBe("out_of_range");
    expect(reasonOf(holmAdjustment([-0.1]))).toBe("out_of_range");
    expect(reasonOf(holmAdjustment([0.1], { alpha: 1 }))).toBe("out_of_range");
  });
});
