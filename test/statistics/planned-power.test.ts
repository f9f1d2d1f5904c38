import { describe, expect, it } from "vitest";
import type { TwoArms } from "../../src/statistics/comparison.ts";
import { differenceSequence } from "../../src/statistics/confidence-sequence.ts";
import type { Sample } from "../../src/statistics/moments.ts";
import type { Result } from "../../src/statistics/result.ts";
import { twoProportionTest } from "../../src/statistics/two-proportions.ts";
import { welchTest } from "../../src/statistics/welch.ts";
import { accepted } from "../fixtures/reference/statistics-reference.ts";
import { meansSampleSize, proportionsSampleSize } from "../support/power.ts";
import { expectRate, rateMax, rateMin } from "../support/rate-bound.ts";
import { sampleOfCounts } from "../support/samples.ts";
import {
  type Arm,
  counts,
  coverage,
  experiment,
  type Interval,
  normals,
} from "../support/simulated-arms.ts";

/**
 * Experiments of the planned size, with the planned effect: how many find it? Every bound is one that a true
 * power within what the test's name says breaks once in 1,000 sets of seeds; the seeds are fixed.
 */
const runs = 3000;

/** Share of the experiments whose interval leaves out 0. */
function foundRate<Summary>(
  test: (arms: TwoArms<Summary>) => Result<Interval>,
  control: Arm<Summary>,
  treatment: Arm<Summary>,
): number {
  return 1 - coverage(experiment(test, control, treatment), 0, runs);
}

describe("a planned experiment finds the planned effect", () => {
  it.each([
    [0.8, 1, 1.5],
    [0.9, 3, 1],
    [0.5, 0.5, 0.7],
  ])("means: power %d, ratio %d, effect %d: as planned", (power, allocationRatio, effect) => {
    const plan = accepted(
      meansSampleSize({ standardDeviation: 2, effect }, { power, allocationRatio }),
    );
    const [control, treatment] = [
      normals(plan.controlN, 0, 2),
      normals(plan.treatmentN, effect, 2),
    ];
    // Whole observations, and Welch's degrees of freedom, which are not the planned ones.
    const bounds = [power - 0.01, plan.power + 0.01] as const;
    expectRate(foundRate(welchTest, control, treatment), runs, bounds);
  });

  it.each([
    [0.8, 1, 0.2, 0.3],
    [0.9, 2, 0.5, 0.4],
  ])(
    "rates: power %d, ratio %d, %d against %d: within 0.02",
    (power, allocationRatio, controlRate, treatmentRate) => {
      const plan = accepted(
        proportionsSampleSize({ controlRate, treatmentRate }, { power, allocationRatio }),
      );
      const control = counts(plan.controlN, controlRate);
      const treatment = counts(plan.treatmentN, treatmentRate);
      const bounds = [power - 0.02, plan.power + 0.02] as const;
      expectRate(foundRate(twoProportionTest, control, treatment), runs, bounds);
    },
  );

  it("any time: the last look alone has the planned power, within 0.02", () => {
    const rates = { controlRate: 0.3, treatmentRate: 0.4 };
    const plan = accepted(proportionsSampleSize(rates, { looks: "any_time" }));
    const sample =
      (n: number, rate: number): Arm<Sample> =>
      (source) =>
        sampleOfCounts(counts(n, rate)(source));
    const rate = foundRate(
      differenceSequence,
      sample(plan.controlN, 0.3),
      sample(plan.treatmentN, 0.4),
    );
    expect(Math.abs(rate - plan.power)).toBeLessThan(rateMax(plan.power + 0.02, runs) - plan.power);
  });

  it("three quarters of the observations do not (negative control)", () => {
    const plan = accepted(meansSampleSize({ standardDeviation: 2, effect: 0.7 }));
    const less = (n: number, mean: number) => normals(Math.round(0.75 * n), mean, 2);
    const rate = foundRate(welchTest, less(plan.controlN, 0), less(plan.treatmentN, 0.7));
    expect(rate).toBeLessThan(rateMin(0.79, runs));
  });
});
