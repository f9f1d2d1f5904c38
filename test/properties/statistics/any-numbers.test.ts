import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundedDifferenceSequence } from "../../../src/statistics/bounded-sequence.ts";
import {
  differenceSequence,
  relativeDifferenceSequence,
  type SequenceOptions,
} from "../../../src/statistics/confidence-sequence.ts";
import { cupedAdjustment, cupedTest } from "../../../src/statistics/cuped.ts";
import { exactProportionTest } from "../../../src/statistics/exact-proportions.ts";
import { holmAdjustment } from "../../../src/statistics/holm.ts";
import { checkCounts } from "../../../src/statistics/moments.ts";
import type { PlanOptions, SampleSizeOptions } from "../../../src/statistics/power-plan.ts";
import type { Result } from "../../../src/statistics/result.ts";
import { sampleRatioSequence, sampleRatioTest } from "../../../src/statistics/sample-ratio.ts";
import {
  relativeProportionTest,
  twoProportionTest,
} from "../../../src/statistics/two-proportions.ts";
import { relativeWelchTest, welchTest } from "../../../src/statistics/welch.ts";
import { forAll } from "../../support/for-all.ts";
import {
  meansDetectableEffect,
  meansPower,
  meansSampleSize,
  proportionsDetectableEffect,
  proportionsPower,
  proportionsSampleSize,
} from "../../support/power.ts";
import {
  anyCounts,
  anyNumber,
  anySample,
  anySums,
  arms,
  boundedSample,
  maybe,
  soundCounts,
} from "./arbitraries.ts";
import { expectSound } from "./sound-results.ts";

const numRuns = 1500;

/** The tests' results are sound for whatever is drawn; some are accepted, and some refused. */
function itIsSound<Drawn extends unknown[]>(
  name: string,
  arbitraries: [...{ [At in keyof Drawn]: fc.Arbitrary<Drawn[At]> }],
  test: (...drawn: Drawn) => Result<object>[],
) {
  it(name, async () => {
    let [accepted, refused] = [0, 0];
    await forAll(arbitraries, { numRuns, seed: 20261124 }, (...drawn) => {
      for (const result of test(...drawn)) {
        if (expectSound(result)) accepted += 1;
        else refused += 1;
      }
    });
    expect(accepted).toBeGreaterThan(numRuns / 50);
    expect(refused).toBeGreaterThan(numRuns / 50);
  });
}

/** Options of which any may be missing, which is not the same as undefined. */
function optionsOf<Options>(parts: Record<string, unknown>): Options {
  return Object.fromEntries(
    Object.entries(parts).filter(([, part]) => part !== undefined),
  ) as Options;
}

const levelOption = fc
  .oneof(fc.constant(undefined), fc.double({ min: 0, max: 1 }), anyNumber)
  .map((alpha) => optionsOf<{ alpha?: number }>({ alpha }));

const sequenceOptions = fc
  .record({
    alpha: fc.oneof(fc.constant(undefined), fc.constant(0.05), anyNumber),
    tightestAtN: maybe,
    range: fc.oneof(
      fc.constantFrom(undefined, "unbounded"),
      fc.record({ low: anyNumber, high: anyNumber }),
    ),
  })
  .map((parts) => optionsOf<SequenceOptions>(parts));

const planOptions = fc
  .record({
    alpha: fc.oneof(fc.constant(undefined), anyNumber),
    power: maybe,
    allocationRatio: maybe,
    tightestAtN: maybe,
    looks: fc.constantFrom(undefined, "once", "any_time"),
  })
  .map((parts) => optionsOf<SampleSizeOptions & PlanOptions>(parts));

const sizes = {
  controlN: fc.oneof(fc.integer({ min: 2, max: 1e6 }), anyNumber),
  treatmentN: fc.oneof(fc.integer({ min: 2, max: 1e6 }), anyNumber),
};
const rate = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), anyNumber);

describe("whatever the numbers, nothing throws, and what is accepted is finite and in order", () => {
  itIsSound("Welch's tests", [arms(anySample), levelOption], (summaries, options) => [
    welchTest(summaries, options),
    relativeWelchTest(summaries, options),
  ]);

  itIsSound("proportions", [arms(anyCounts), levelOption], (counts, options) => [
    twoProportionTest(counts, options),
    relativeProportionTest(counts, options),
    exactProportionTest(counts, options),
  ]);

  itIsSound("sequences", [arms(anySample), sequenceOptions], (summaries, options) => [
    differenceSequence(summaries, options),
    relativeDifferenceSequence(summaries, options),
  ]);

  const anyBounded = fc.oneof(boundedSample, fc.record({ n: anyNumber, mean: anyNumber }));
  itIsSound("bounded sequences", [arms(anyBounded), levelOption], (summaries, options) => [
    boundedDifferenceSequence(summaries, options),
  ]);

  itIsSound("CUPED", [arms(anySums), levelOption], (sums, options) => [
    cupedAdjustment(sums),
    cupedTest(sums, options),
  ]);

  const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }));
  itIsSound("Holm", [fc.oneof(fc.array(anyNumber), pValues), levelOption], (values, options) => [
    holmAdjustment(values, options),
  ]);

  const weight = fc.double({ min: 0.01, max: 1, noNaN: true });
  const shares = fc.array(fc.record({ count: fc.nat(1e6), weight })).map((parts) => {
    const total = parts.reduce((sum, part) => sum + part.weight, 0);
    return parts.map(({ count, weight }) => ({ count, share: weight / total }));
  });
  const anyShares = fc.array(fc.record({ count: anyNumber, share: anyNumber }));
  itIsSound("sample ratios", [fc.oneof(shares, anyShares), levelOption], (counts, options) => [
    sampleRatioTest(counts, options),
    sampleRatioSequence(counts, options),
  ]);

  const meansPlan = fc.record({ ...sizes, standardDeviation: anyNumber, effect: anyNumber });
  itIsSound("plans for means", [meansPlan, planOptions], (plan, options) => [
    meansPower(plan, options),
    meansSampleSize(plan, options),
    meansDetectableEffect(plan, options),
  ]);

  const ratesPlan = fc.record({
    ...sizes,
    controlRate: rate,
    treatmentRate: rate,
    direction: fc.constantFrom("rise", "fall"),
  });
  itIsSound("plans for proportions", [ratesPlan, planOptions], (plan, options) => [
    proportionsPower(plan, options),
    proportionsSampleSize(plan, options),
    proportionsDetectableEffect(plan, options),
  ]);
});

describe("the check itself", () => {
  it("finds a NaN deep in a value, and an estimate outside its interval (negative control)", () => {
    const soundness = (value: object) => () => expectSound({ ok: true, value });
    expect(soundness({ a: [{ b: Number.NaN }] })).toThrow();
    expect(soundness({ estimate: 2, low: 0, high: 1, pValue: 0.5 })).toThrow();
  });

  it("its counts are sound ones", () =>
    forAll([soundCounts], (counts) => {
      expect(checkCounts(counts, "x")).toBeUndefined();
    }));
});
