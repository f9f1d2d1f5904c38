import { describe, expect, it } from "vitest";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import { studentTUpperQuantile } from "../../src/numerics/student-t.ts";
import { cupedTest } from "../../src/statistics/cuped.ts";
import type { Sample } from "../../src/statistics/moments.ts";
import { accept } from "../../src/statistics/result.ts";
import { relativeProportionTest, twoProportionTest } from "../../src/statistics/two-proportions.ts";
import { relativeWelchTest, welchTest } from "../../src/statistics/welch.ts";
import { rateMax, rateMin } from "../support/rate-bound.ts";
import {
  counts,
  coverage,
  experiment,
  exponentials,
  normals,
  outcomesWithCovariate,
  rewards,
} from "../support/simulated-arms.ts";

/**
 * 95 % intervals, each from one look. A bound is broken once in 1,000 sets of seeds by a method whose true
 * coverage is within what the test's name says; the seeds are fixed, so a failure is a change of behaviour.
 */
const runs = 3000;

/** Student's test with one pooled variance: what Welch's replaces. */
function pooledTTest({ control, treatment }: { control: Sample; treatment: Sample }) {
  const degreesOfFreedom = control.n + treatment.n - 2;
  const pooled =
    ((control.n - 1) * control.variance + (treatment.n - 1) * treatment.variance) /
    degreesOfFreedom;
  const margin =
    studentTUpperQuantile(0.025, degreesOfFreedom) *
    Math.sqrt(pooled * (1 / control.n + 1 / treatment.n));
  const estimate = treatment.mean - control.mean;
  return accept({ low: estimate - margin, high: estimate + margin });
}

describe("Welch's interval for the difference", () => {
  it.each([
    ["five normal observations each", normals(5, 0, 1), normals(5, 0.5, 1), 0.5],
    ["normal, 40 and 10, spreads 1 and 3", normals(40, 0, 1), normals(10, 1, 3), 1],
  ])("%s: covers in 95 percent of the runs", (_, control, treatment, truth) => {
    const found = coverage(experiment(welchTest, control, treatment), truth, runs);
    expect(found).toBeGreaterThan(rateMin(0.95, runs));
    expect(found).toBeLessThan(rateMax(0.95, runs));
  });

  it.each([
    ["exponential, 100 each", exponentials(100, 1), exponentials(100, 1.3), 0.3],
    ["rewards, 30 and 60", rewards(30, 0.5), rewards(60, 1), 1 / 4 - 1 / 7],
  ])("%s: covers in 94 to 96 percent of the runs", (_, control, treatment, truth) => {
    const found = coverage(experiment(welchTest, control, treatment), truth, runs);
    expect(found).toBeGreaterThan(rateMin(0.94, runs));
    expect(found).toBeLessThan(rateMax(0.96, runs));
  });

  it("one pooled variance covers in fewer than 85 percent (negative control)", () => {
    const pooled = experiment(pooledTTest, normals(40, 0, 1), normals(10, 1, 3));
    expect(coverage(pooled, 1, runs)).toBeLessThan(0.85);
  });
});

describe("the delta method's interval for the relative effect", () => {
  it.each([
    ["rewards, 200 each", rewards(200, 2), rewards(200, 2.4), 4 / 9 / (2 / 5) - 1],
    ["a control mean ten standard errors above 0", normals(100, 1, 1), normals(100, 1.2, 1), 0.2],
  ])("%s: covers in 94 to 96 percent of the runs", (_, control, treatment, truth) => {
    const found = coverage(experiment(relativeWelchTest, control, treatment), truth, runs);
    expect(found).toBeGreaterThan(rateMin(0.94, runs));
    expect(found).toBeLessThan(rateMax(0.96, runs));
  });
});

describe("intervals for two proportions", () => {
  const settings = [
    ["0.1 and 0.15, 100 each", counts(100, 0.1), counts(100, 0.15), 0.1, 0.15],
    ["0.5 and 0.5, 60 and 150", counts(60, 0.5), counts(150, 0.5), 0.5, 0.5],
    ["0.05 and 0.08, 500 each", counts(500, 0.05), counts(500, 0.08), 0.05, 0.08],
  ] as const;

  it.each(settings)(
    "Newcombe, %s: covers in 94 to 96 percent of the runs",
    (_, control, treatment, controlRate, treatmentRate) => {
      const found = coverage(
        experiment(twoProportionTest, control, treatment),
        treatmentRate - controlRate,
        runs,
      );
      expect(found).toBeGreaterThan(rateMin(0.94, runs));
      expect(found).toBeLessThan(rateMax(0.96, runs));
    },
  );

  it.each(settings.slice(1))(
    "lift, %s: covers in 94 to 96 percent of the runs",
    (_, control, treatment, controlRate, treatmentRate) => {
      const found = coverage(
        experiment(relativeProportionTest, control, treatment),
        treatmentRate / controlRate - 1,
        runs,
      );
      expect(found).toBeGreaterThan(rateMin(0.94, runs));
      expect(found).toBeLessThan(rateMax(0.96, runs));
    },
  );

  it("an interval of level 0.1 does not (negative control)", () => {
    const [, control, treatment] = settings[1];
    const atTen = experiment((arms) => twoProportionTest(arms, { alpha: 0.1 }), control, treatment);
    expect(coverage(atTen, 0, runs)).toBeLessThan(rateMin(0.94, runs));
  });
});

describe("CUPED's interval", () => {
  it.each([
    [
      "100 each, correlation 0.8",
      outcomesWithCovariate(100, 0, 0.8),
      outcomesWithCovariate(100, 0.2, 0.8),
    ],
    [
      "50 and 200, correlations 0.3 and 0.6",
      outcomesWithCovariate(50, 0, 0.3),
      outcomesWithCovariate(200, 0.2, 0.6),
    ],
  ])("%s: covers in 94 to 96 percent of the runs", (_, control, treatment) => {
    const found = coverage(experiment(cupedTest, control, treatment), 0.2, runs);
    expect(found).toBeGreaterThan(rateMin(0.94, runs));
    expect(found).toBeLessThan(rateMax(0.96, runs));
  });

  it("is √(1 − 0.8²) = 0.6 times as wide as Welch's, within one percent", () => {
    let [width, widthOfWelch] = [0, 0];
    for (let run = 0; run < 500; run += 1) {
      const source = SeededGenerator.fromSeed(run);
      const arms = {
        control: outcomesWithCovariate(100, 0, 0.8)(source),
        treatment: outcomesWithCovariate(100, 0, 0.8)(source),
      };
      const found = cupedTest(arms);
      if (!found.ok) throw new Error(found.refusal.message);
      width += found.value.standardError;
      widthOfWelch += found.value.standardError / Math.sqrt(1 - found.value.varianceReduction);
    }
    expect(Math.abs(width / widthOfWelch / 0.6 - 1)).toBeLessThan(0.01);
  });
});
