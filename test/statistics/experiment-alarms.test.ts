import { describe, expect, it } from "vitest";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import { holmAdjustment } from "../../src/statistics/holm.ts";
import { sampleRatioSequence, sampleRatioTest } from "../../src/statistics/sample-ratio.ts";
import { twoProportionTest } from "../../src/statistics/two-proportions.ts";
import { welchTest } from "../../src/statistics/welch.ts";
import { accepted } from "../fixtures/reference/statistics-reference.ts";
import { expectRate, rateMax } from "../support/rate-bound.ts";
import { counts, normals } from "../support/simulated-arms.ts";
import { UnitAssignment } from "../support/unit-assignment.ts";

/**
 * False alarms where nothing is wrong. Every bound is one that a method with the stated rate breaks once in
 * 1,000 sets of seeds; the seeds are fixed, so a failure is a change of behaviour.
 */

describe("the sample-ratio test at one look", () => {
  const runs = 10_000;
  const alarms = (shares: readonly number[], units: number, alpha: number): number => {
    let found = 0;
    for (let run = 0; run < runs; run += 1) {
      const arms = new UnitAssignment(900_000 + run, shares).after(units);
      if (accepted(sampleRatioTest(arms, { alpha })).mismatch) found += 1;
    }
    return found / runs;
  };

  it.each([
    ["two even arms, 200 units", [0.5, 0.5], 200],
    ["90 to 10, 200 units", [0.9, 0.1], 200],
    ["four arms, 100 units", [0.4, 0.3, 0.2, 0.1], 100],
  ])("%s: alarms in 4 to 6 runs of a hundred at 0.05", (_, shares, units) => {
    expectRate(alarms(shares, units, 0.05), runs, [0.04, 0.06]);
  });

  it("alarms in at most two runs of a thousand at its own level, 0.001", () => {
    expect(alarms([0.5, 0.5], 300, 0.001)).toBeLessThan(rateMax(0.001, runs));
  });
});

describe("the sample-ratio sequence, looked at after each of 2,000 units", () => {
  const runs = 200;
  const alarms = (
    test: typeof sampleRatioSequence,
    shares: readonly number[],
    drawn: readonly number[] = shares,
  ): number => {
    let found = 0;
    for (let run = 0; run < runs; run += 1) {
      const assignment = new UnitAssignment(40_000 + run, shares, drawn);
      for (let unit = 0; unit < 2000; unit += 1) {
        const result = test(assignment.next(), { alpha: 0.05 });
        if (!result.ok || !result.value.mismatch) continue;
        found += 1;
        break;
      }
    }
    return found / runs;
  };

  it.each([
    ["two even arms", [0.5, 0.5]],
    ["four uneven arms", [0.6, 0.2, 0.15, 0.05]],
  ])("%s: alarms in at most one run of twenty", (_, shares) => {
    expect(alarms(sampleRatioSequence, shares)).toBeLessThan(rateMax(0.05, runs));
  });

  it("the test of one look alarms in more than a third (negative control)", () => {
    expect(alarms(sampleRatioTest, [0.5, 0.5])).toBeGreaterThan(1 / 3);
  });

  it("finds 0.56 to 0.44 in at least 95 runs of a hundred", () => {
    expect(alarms(sampleRatioSequence, [0.5, 0.5], [0.56, 0.44])).toBeGreaterThan(0.95);
  });
});

describe("tests for an effect at one look", () => {
  const runs = 10_000;

  it("two proportions: alarm in 4 to 6 runs of a hundred", () => {
    let found = 0;
    for (let run = 0; run < runs; run += 1) {
      const source = SeededGenerator.fromSeed(300_000 + run);
      const arms = { control: counts(150, 0.3)(source), treatment: counts(90, 0.3)(source) };
      if (accepted(twoProportionTest(arms)).pValue < 0.05) found += 1;
    }
    expectRate(found / runs, runs, [0.04, 0.06]);
  });

  it("Holm: any of four treatments in at most one run of twenty; unadjusted in more than a tenth", () => {
    let [adjusted, unadjusted] = [0, 0];
    for (let run = 0; run < runs; run += 1) {
      const source = SeededGenerator.fromSeed(700_000 + run);
      const arm = () => normals(40, 0, 1)(source);
      const control = arm();
      const pValues = [1, 2, 3, 4].map(
        () => accepted(welchTest({ control, treatment: arm() })).pValue,
      );
      if (accepted(holmAdjustment(pValues)).some((decision) => decision.rejected)) adjusted += 1;
      if (pValues.some((pValue) => pValue <= 0.05)) unadjusted += 1;
    }
    expect(adjusted / runs).toBeLessThan(rateMax(0.05, runs));
    expect(unadjusted / runs).toBeGreaterThan(0.1);
  });
});
