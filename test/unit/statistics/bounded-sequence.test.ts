import { describe, expect, it } from "vitest";
import {
  boundedDifferenceSequence,
  boundedMeanSequence,
} from "../../../src/statistics/bounded-sequence.ts";
import { accepted, reasonOf } from "../../fixtures/reference/statistics-reference.ts";

describe("bounded sequences", () => {
  it("after one success of one the mean is at least alpha/2: M(μ) = ½/μ", () => {
    const look = accepted(boundedMeanSequence({ n: 1, mean: 1 }, { expectedMean: 0.01 }));
    expect(look.low).toBeCloseTo(0.025, 15);
    expect(look.high).toBe(1);
    expect(look.pValue).toBeCloseTo(0.02, 15);
  });

  it("mean and complement mirror one another", () => {
    const some = accepted(boundedMeanSequence({ n: 50, mean: 0.2 }, { expectedMean: 0.3 }));
    const rest = accepted(boundedMeanSequence({ n: 50, mean: 0.8 }, { expectedMean: 0.7 }));
    expect(some.low).toBeCloseTo(1 - rest.high, 12);
    expect(some.high).toBeCloseTo(1 - rest.low, 12);
    expect(some.pValue).toBeCloseTo(rest.pValue, 12);
  });

  it("p-value and interval agree, for a mean and for a difference", () => {
    for (let successes = 0; successes <= 60; successes += 1) {
      const sample = { n: 60, mean: successes / 60 };
      const one = accepted(boundedMeanSequence(sample, { expectedMean: 0.4 }));
      expect(one.low > 0.4 || one.high < 0.4).toBe(one.pValue <= 0.05);
      const two = accepted(
        boundedDifferenceSequence({ control: { n: 80, mean: 0.45 }, treatment: sample }),
      );
      expect(two.low > 0 || two.high < 0).toBe(two.pValue <= 0.05);
    }
  });

  it("keeps the smallest p-value", () => {
    const arms = { control: { n: 10, mean: 0.5 }, treatment: { n: 10, mean: 0.5 } };
    expect(accepted(boundedDifferenceSequence(arms, { previousPValue: 0.01 })).pValue).toBe(0.01);
  });

  it("speaks early: ten failures of ten against ten successes", () => {
    const arms = { control: { n: 10, mean: 1 }, treatment: { n: 10, mean: 0 } };
    const look = accepted(boundedDifferenceSequence(arms));
    expect(look.pValue).toBeLessThan(1e-4);
    expect(look.high).toBeLessThan(-0.4);
    expect(look.low).toBe(-1);
  });

  it("refuses what is not a sample of [0,1]", () => {
    const sound = { n: 10, mean: 0.5 };
    const bad: [{ n: number; mean: number }, string][] = [
      [{ n: 0, mean: 0 }, "empty"],
      [{ n: 1.5, mean: 0 }, "out_of_range"],
      [{ n: 1e13, mean: 0 }, "out_of_range"],
      [{ n: Number.NaN, mean: 0 }, "not_finite"],
      [{ n: 10, mean: 1.1 }, "out_of_range"],
      [{ n: 10, mean: Number.NaN }, "not_finite"],
    ];
    for (const [broken, reason] of bad) {
      expect(reasonOf(boundedMeanSequence(broken, { expectedMean: 0.5 }))).toBe(reason);
      const arms = { control: sound, treatment: broken };
      expect(reasonOf(boundedDifferenceSequence(arms))).toBe(reason);
    }
    expect(reasonOf(boundedMeanSequence(sound, { expectedMean: 2 }))).toBe("out_of_range");
    const arms = { control: sound, treatment: sound };
    expect(reasonOf(boundedDifferenceSequence(arms, { alpha: 1 }))).toBe("out_of_range");
    expect(reasonOf(boundedDifferenceSequence(arms, { previousPValue: -1 }))).toBe("out_of_range");
  });
});
