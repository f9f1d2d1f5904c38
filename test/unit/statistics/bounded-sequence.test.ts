import { describe, expect, it } from "vitest";
import { boundedDifferenceSequence } from "../../../src/statistics/bounded-sequence.ts";
import { accepted, reasonOf } from "../../fixtures/reference/statistics-reference.ts";

describe("bounded sequences", () => {
  it("p-value and interval agree", () => {
    for (let successes = 0; successes <= 60; successes += 1) {
      const sample = { n: 60, mean: successes / 60 };
      const two = accepted(
        boundedDifferenceSequence({ control: { n: 80, mean: 0.45 }, treatment: sample }),
      );
      expect(two.low > 0 || two.high < 0).toBe(two.pValue <= 0.05);
    }
  });

  it("speaks early: ten failures of ten against ten successes", () => {
    const arms = { control: { n: 10, mean: 1 }, treatment: { n: 10, mean: 0 } };
    const look = accepted(boundedDifferenceSequence(arms));
    // M(½)² with B(½ + 10, ½) / B(½, ½) = C(20, 10) / 4^10, by hand.
    expect(look.pValue).toBeCloseTo(4 ** 10 / 184_756 ** 2, 15);
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
      const arms = { control: sound, treatment: broken };
      expect(reasonOf(boundedDifferenceSequence(arms))).toBe(reason);
    }
    const arms = { control: sound, treatment: sound };
    expect(reasonOf(boundedDifferenceSequence(arms, { alpha: 1 }))).toBe("out_of_range");
  });
});
