import { describe, expect, it } from "vitest";
import { SeededGenerator, type UniformSource } from "../../src/numerics/random-generator.ts";
import { studentTUpperQuantile } from "../../src/numerics/student-t.ts";
import { type CovariateSums, cupedTest } from "../../src/statistics/cuped.ts";
import type { Counts, Sample } from "../../src/statistics/moments.ts";
import { accept, type Result } from "../../src/statistics/result.ts";
import { relativeProportionTest, twoProportionTest } from "../../src/statistics/two-proportions.ts";
import { relativeWelchTest, welchTest } from "../../src/statistics/welch.ts";
import { accepted } from "../fixtures/reference/statistics-reference.ts";
import { expectRate, rateMin } from "../support/rate-bound.ts";
import {
  type Arm,
  counts,
  coverage,
  experiment,
  exponentials,
  type Interval,
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

const [few, unequal] = [normals(5, 0, 1), normals(40, 0, 1)];
const rates = {
  low: [counts(100, 0.1), counts(100, 0.15)],
  even: [counts(60, 0.5), counts(150, 0.5)],
  rare: [counts(500, 0.05), counts(500, 0.08)],
} as const;
const newcombe = (arms: readonly [Arm<Counts>, Arm<Counts>]) =>
  experiment(twoProportionTest, ...arms);
const lift = (arms: readonly [Arm<Counts>, Arm<Counts>]) =>
  experiment(relativeProportionTest, ...arms);
const cuped = (control: Arm<CovariateSums>, treatment: Arm<CovariateSums>) =>
  experiment(cupedTest, control, treatment);
const relative = (control: Arm<Sample>, treatment: Arm<Sample>) =>
  experiment(relativeWelchTest, control, treatment);
const covariate = outcomesWithCovariate;

describe("an interval for one look", () => {
  it.each([
    ["five normal observations each", experiment(welchTest, few, normals(5, 0.5, 1)), 0.5],
    ["normal, 40 and 10, spreads 1 and 3", experiment(welchTest, unequal, normals(10, 1, 3)), 1],
  ])("Welch, %s: covers in 95 percent of the runs", (_, run, truth) => {
    expectRate(coverage(run, truth, runs), runs, [0.95, 0.95]);
  });

  it("one pooled variance covers in fewer than 85 percent (negative control)", () => {
    const pooled = experiment(pooledTTest, unequal, normals(10, 1, 3));
    expect(coverage(pooled, 1, runs)).toBeLessThan(0.85);
  });

  const asymptotic: [string, (source: UniformSource) => Result<Interval>, truth: number][] = [
    [
      "Welch, exponential",
      experiment(welchTest, exponentials(100, 1), exponentials(100, 1.3)),
      0.3,
    ],
    ["Welch, rewards", experiment(welchTest, rewards(30, 0.5), rewards(60, 1)), 1 / 4 - 1 / 7],
    ["delta method, rewards", relative(rewards(200, 2), rewards(200, 2.4)), 4 / 9 / (2 / 5) - 1],
    ["delta method, ten errors above 0", relative(normals(100, 1, 1), normals(100, 1.2, 1)), 0.2],
    ["Newcombe, 0.1 and 0.15, 100 each", newcombe(rates.low), 0.05],
    ["Newcombe, 0.5 and 0.5, 60 and 150", newcombe(rates.even), 0],
    ["Newcombe, 0.05 and 0.08, 500 each", newcombe(rates.rare), 0.03],
    ["lift, 0.5 and 0.5, 60 and 150", lift(rates.even), 0],
    ["lift, 0.05 and 0.08, 500 each", lift(rates.rare), 0.08 / 0.05 - 1],
    ["CUPED, 100 each, 0.8", cuped(covariate(100, 0, 0.8), covariate(100, 0.2, 0.8)), 0.2],
    ["CUPED, 50 and 200, 0.3 and 0.6", cuped(covariate(50, 0, 0.3), covariate(200, 0.2, 0.6)), 0.2],
  ];
  it.each(asymptotic)("%s: covers in 94 to 96 percent of the runs", (_, run, truth) => {
    expectRate(coverage(run, truth, runs), runs, [0.94, 0.96]);
  });

  it("an interval of level 0.1 does not (negative control)", () => {
    const atTen = experiment((arms) => twoProportionTest(arms, { alpha: 0.1 }), ...rates.even);
    expect(coverage(atTen, 0, runs)).toBeLessThan(rateMin(0.94, runs));
  });

  it("CUPED's is √(1 − 0.8²) = 0.6 times as wide as Welch's, within one percent", () => {
    let [width, widthOfWelch] = [0, 0];
    for (let run = 0; run < 500; run += 1) {
      const source = SeededGenerator.fromSeed(run);
      const arm = covariate(100, 0, 0.8);
      const found = accepted(cupedTest({ control: arm(source), treatment: arm(source) }));
      width += found.standardError;
      widthOfWelch += found.standardError / Math.sqrt(1 - found.varianceReduction);
    }
    expect(Math.abs(width / widthOfWelch / 0.6 - 1)).toBeLessThan(0.01);
  });
});
