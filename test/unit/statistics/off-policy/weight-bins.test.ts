import { describe, expect, it } from "vitest";
import { WeightBins } from "../../../../src/statistics/off-policy/weight-bins.ts";

describe("the bins of the weights", () => {
  it.each([0, 1e-300, 0.5, 1, 1.0000001, 2, 2.0000001, 3, 1000, 2 ** 20, 2 ** 20 + 1, 1e30])(
    "put %d into the first whose end is not below it",
    (weight) => {
      const { thresholds } = new WeightBins();
      const bin = new WeightBins().binOf(weight);
      expect(weight).toBeLessThanOrEqual(thresholds[bin] as number);
      if (bin > 0) expect(weight).toBeGreaterThan(thresholds[bin - 1] as number);
    },
  );

  it("rise by half octaves from 1 and end at infinity", () => {
    const { thresholds } = new WeightBins();
    expect(thresholds.slice(0, 5)).toEqual([1, Math.SQRT2, 2, 2 ** 1.5, 4]);
    expect(thresholds.at(-1)).toBe(Number.POSITIVE_INFINITY);
  });

  it("are two when the threshold is given; the threshold itself belongs below", () => {
    const bins = new WeightBins(3);
    expect([0, 3, 3.001].map((weight) => bins.binOf(weight))).toEqual([0, 0, 1]);
  });
});
