import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  boundedDifferenceSequence,
  boundedMeanSequence,
} from "../../../src/statistics/bounded-sequence.ts";
import {
  differenceSequence,
  meanSequence,
  relativeDifferenceSequence,
  type SequenceOptions,
} from "../../../src/statistics/confidence-sequence.ts";
import { cupedAdjustment, cupedTest } from "../../../src/statistics/cuped.ts";
import { holmAdjustment } from "../../../src/statistics/holm.ts";
import {
  meansDetectableEffect,
  meansPower,
  meansSampleSize,
} from "../../../src/statistics/means-power.ts";
import { checkCounts } from "../../../src/statistics/moments.ts";
import type { PlanOptions, SampleSizeOptions } from "../../../src/statistics/power-plan.ts";
import {
  proportionsDetectableEffect,
  proportionsPower,
  proportionsSampleSize,
} from "../../../src/statistics/proportions-power.ts";
import type { Result } from "../../../src/statistics/result.ts";
import { sampleRatioSequence, sampleRatioTest } from "../../../src/statistics/sample-ratio.ts";
import {
  relativeProportionTest,
  twoProportionTest,
} from "../../../src/statistics/two-proportions.ts";
import { relativeWelchTest, welchTest } from "../../../src/statistics/welch.ts";
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

/** Every number anywhere in a value. */
function numbersIn(value: unknown): number[] {
  if (typeof value === "number") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(numbersIn);
}

/** Counts what a property saw, so that one that was never accepted (or never refused) does not pass. */
class Verdicts {
  accepted = 0;
  refused = 0;

  readonly check = (result: Result<unknown>): void => {
    if (!result.ok) {
      this.refused += 1;
      expect(result.refusal.message).not.toBe("");
      return;
    }
    this.accepted += 1;
    for (const number of numbersIn(result.value)) expect(Number.isFinite(number)).toBe(true);
    this.checkEstimate(result.value);
  };

  private checkEstimate(value: unknown): void {
    const { estimate, low, high, pValue } = value as Record<string, number | undefined>;
    if (pValue !== undefined) {
      expect(pValue).toBeGreaterThanOrEqual(0);
      expect(pValue).toBeLessThanOrEqual(1);
    }
    if (estimate === undefined || low === undefined || high === undefined) return;
    expect(low).toBeLessThanOrEqual(estimate);
    expect(high).toBeGreaterThanOrEqual(estimate);
  }
}

const numRuns = 1500;

function holds<Input>(arbitrary: fc.Arbitrary<Input>, test: (input: Input) => Result<unknown>[]) {
  const verdicts = new Verdicts();
  fc.assert(
    fc.property(arbitrary, (input) => {
      for (const result of test(input)) verdicts.check(result);
    }),
    { numRuns, seed: 20261124 },
  );
  expect(verdicts.accepted).toBeGreaterThan(numRuns / 50);
  expect(verdicts.refused).toBeGreaterThan(numRuns / 50);
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
    previousPValue: fc.oneof(fc.constant(undefined), anyNumber),
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
  it("Welch's tests", () => {
    holds(fc.tuple(arms(anySample), levelOption), ([summaries, options]) => [
      welchTest(summaries, options),
      relativeWelchTest(summaries, options),
    ]);
  });

  it("proportions", () => {
    holds(fc.tuple(arms(anyCounts), levelOption), ([counts, options]) => [
      twoProportionTest(counts, options),
      relativeProportionTest(counts, options),
    ]);
  });

  it("sequences", () => {
    holds(
      fc.tuple(arms(anySample), sequenceOptions, anyNumber),
      ([summaries, options, expectedMean]) => [
        differenceSequence(summaries, options),
        relativeDifferenceSequence(summaries, options),
        meanSequence(summaries.control, { ...options, expectedMean }),
      ],
    );
  });

  it("bounded sequences", () => {
    const anyBounded = fc.oneof(boundedSample, fc.record({ n: anyNumber, mean: anyNumber }));
    holds(fc.tuple(arms(anyBounded), levelOption, rate), ([summaries, options, expectedMean]) => [
      boundedDifferenceSequence(summaries, options),
      boundedMeanSequence(summaries.control, { ...options, expectedMean }),
    ]);
  });

  it("CUPED", () => {
    holds(fc.tuple(arms(anySums), levelOption), ([sums, options]) => [
      cupedAdjustment(sums),
      cupedTest(sums, options),
    ]);
  });

  it("Holm", () => {
    holds(
      fc.tuple(
        fc.oneof(fc.array(anyNumber), fc.array(fc.double({ min: 0, max: 1, noNaN: true }))),
        levelOption,
      ),
      ([pValues, options]) => [holmAdjustment(pValues, options)],
    );
  });

  it("sample ratios", () => {
    const shares = fc
      .array(
        fc.record({ count: fc.nat(1e6), weight: fc.double({ min: 0.01, max: 1, noNaN: true }) }),
      )
      .map((parts) => {
        const total = parts.reduce((sum, part) => sum + part.weight, 0);
        return parts.map(({ count, weight }) => ({ count, share: weight / total }));
      });
    const anything = fc.array(fc.record({ count: anyNumber, share: anyNumber }));
    holds(fc.tuple(fc.oneof(shares, anything), levelOption), ([counts, options]) => [
      sampleRatioTest(counts, options),
      sampleRatioSequence(counts, options),
    ]);
  });

  it("plans for means", () => {
    holds(
      fc.tuple(
        fc.record({ ...sizes, standardDeviation: anyNumber, effect: anyNumber }),
        planOptions,
      ),
      ([plan, options]) => [
        meansPower(plan, options),
        meansSampleSize(plan, options),
        meansDetectableEffect(plan, options),
      ],
    );
  });

  it("plans for proportions", () => {
    holds(
      fc.tuple(
        fc.record({
          ...sizes,
          controlRate: rate,
          treatmentRate: rate,
          direction: fc.constantFrom("rise", "fall"),
        }),
        planOptions,
      ),
      ([plan, options]) => [
        proportionsPower(plan, options),
        proportionsSampleSize(plan, options),
        proportionsDetectableEffect(plan, options),
      ],
    );
  });
});

describe("the check itself", () => {
  it("finds a NaN deep in a value, and an estimate outside its interval (negative control)", () => {
    const verdicts = new Verdicts();
    expect(() => verdicts.check({ ok: true, value: { a: [{ b: Number.NaN }] } })).toThrow();
    expect(() =>
      verdicts.check({ ok: true, value: { estimate: 2, low: 0, high: 1, pValue: 0.5 } }),
    ).toThrow();
  });

  it("its counts are sound ones", () => {
    fc.assert(
      fc.property(soundCounts, (counts) => {
        expect(checkCounts(counts, "x")).toBeUndefined();
      }),
    );
  });
});
