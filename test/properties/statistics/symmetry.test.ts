import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundedDifferenceSequence } from "../../../src/statistics/bounded-sequence.ts";
import type { Comparison, TwoArms } from "../../../src/statistics/comparison.ts";
import { differenceSequence } from "../../../src/statistics/confidence-sequence.ts";
import { holmAdjustment } from "../../../src/statistics/holm.ts";
import type { Sample } from "../../../src/statistics/moments.ts";
import type { Result } from "../../../src/statistics/result.ts";
import { twoProportionTest } from "../../../src/statistics/two-proportions.ts";
import { relativeWelchTest, welchTest } from "../../../src/statistics/welch.ts";
import { accepted } from "../../fixtures/reference/statistics-reference.ts";
import { forAll } from "../../support/for-all.ts";
import { arms, boundedSample, rewardSample, soundCounts, soundSample } from "./arbitraries.ts";

const scaled = ({ n, mean, variance }: Sample, factor: number): Sample => ({
  n,
  mean: mean * factor,
  variance: variance * factor ** 2,
});

const exchanged = <Summary>({ control, treatment }: TwoArms<Summary>) => ({
  control: treatment,
  treatment: control,
});

/** Runs a property on inputs that both forms accept, and makes sure that there were some. */
async function onAccepted<Input>(
  arbitrary: fc.Arbitrary<Input>,
  speaks: (input: Input) => boolean,
  check: (input: Input) => void,
) {
  let checked = 0;
  await forAll([arbitrary], { numRuns: 1000, seed: 7 }, (input) => {
    if (!speaks(input)) return;
    checked += 1;
    check(input);
  });
  expect(checked).toBeGreaterThan(100);
}

describe("treatment and control change places", () => {
  it.each<[string, (input: TwoArms<Sample>) => Result<Comparison>]>([
    ["Welch's", welchTest],
    ["a sequence's", differenceSequence],
  ])("and %s difference changes its sign", (_, test) =>
    onAccepted(
      arms(rewardSample),
      (input) => test(input).ok,
      (input) => {
        const found = accepted(test(input));
        const turned = accepted(test(exchanged(input)));
        expect(turned.estimate).toBeCloseTo(-found.estimate, 12);
        expect(turned.low).toBeCloseTo(-found.high, 10);
        expect(turned.high).toBeCloseTo(-found.low, 10);
        expect(turned.pValue).toBeCloseTo(found.pValue, 10);
      },
    ),
  );

  it("also for proportions, whose interval is not symmetric", () =>
    onAccepted(
      arms(soundCounts),
      (input) => twoProportionTest(input).ok,
      (input) => {
        const found = accepted(twoProportionTest(input));
        const turned = accepted(twoProportionTest(exchanged(input)));
        expect(turned.low).toBeCloseTo(-found.high, 12);
        expect(turned.high).toBeCloseTo(-found.low, 12);
        expect(turned.pValue).toBeCloseTo(found.pValue, 12);
      },
    ));

  it("also for bounded sequences", () =>
    onAccepted(
      arms(boundedSample),
      (input) => boundedDifferenceSequence(input).ok,
      (input) => {
        const found = accepted(boundedDifferenceSequence(input));
        const turned = accepted(boundedDifferenceSequence(exchanged(input)));
        expect(turned.low).toBeCloseTo(-found.high, 6);
        expect(turned.pValue).toBeCloseTo(found.pValue, 6);
      },
    ));
});

describe("another unit of measurement", () => {
  const factor = fc.double({ min: 0.001, max: 1000, noNaN: true });

  it("scales a difference and changes neither a ratio nor a p-value", () =>
    onAccepted(
      fc.tuple(arms(soundSample), factor),
      ([input]) => relativeWelchTest(input).ok,
      ([input, by]) => {
        const [control, treatment] = [scaled(input.control, by), scaled(input.treatment, by)];
        const other = { control, treatment };
        const [here, there] = [accepted(welchTest(input)), accepted(welchTest(other))];
        expect(there.standardError / here.standardError / by).toBeCloseTo(1, 9);
        expect(there.pValue).toBeCloseTo(here.pValue, 6);
        const relative = accepted(relativeWelchTest(input));
        const again = relativeWelchTest(other);
        // Rounding may push a control mean over the edge of what is refused.
        if (!again.ok) return;
        expect(Math.abs(again.value.standardError / relative.standardError - 1)).toBeLessThan(1e-9);
        expect(again.value.pValue).toBeCloseTo(relative.pValue, 6);
      },
    ));
});

describe("the interval and the p-value", () => {
  it("agree about 0 for Welch's tests at every level", () => {
    const alpha = fc.double({ min: 0.001, max: 0.5, noNaN: true });
    return onAccepted(
      fc.tuple(arms(rewardSample), alpha),
      ([input, level]) => relativeWelchTest(input, { alpha: level }).ok,
      ([input, level]) => {
        for (const test of [welchTest, relativeWelchTest]) {
          const { low, high, pValue } = accepted(test(input, { alpha: level }));
          if (Math.abs(pValue / level - 1) < 1e-9) continue;
          expect(low > 0 || high < 0).toBe(pValue < level);
        }
      },
    );
  });

  it("a stricter level gives a wider interval", () =>
    onAccepted(
      arms(rewardSample),
      (input) => differenceSequence(input).ok,
      (input) => {
        let [before, beforeAnyTime] = [0, 0];
        for (const alpha of [0.5, 0.1, 0.05, 0.001]) {
          const once = accepted(welchTest(input, { alpha }));
          const anyTime = accepted(differenceSequence(input, { alpha }));
          expect(once.high - once.low).toBeGreaterThan(before);
          expect(anyTime.high - anyTime.low).toBeGreaterThan(beforeAnyTime);
          before = once.high - once.low;
          beforeAnyTime = anyTime.high - anyTime.low;
        }
      },
    ));
});

describe("Holm's adjustment", () => {
  it("keeps the order, never lowers a p-value, and never exceeds Bonferroni", () => {
    const pValue = fc.double({ min: 0, max: 1, noNaN: true });
    return forAll([fc.array(pValue, { minLength: 1, maxLength: 20 })], (pValues) => {
      const adjusted = accepted(holmAdjustment(pValues)).map((one) => one.adjustedPValue);
      pValues.forEach((pValue, at) => {
        expect(adjusted[at]).toBeGreaterThanOrEqual(pValue);
        expect(adjusted[at]).toBeLessThanOrEqual(Math.min(1, pValue * pValues.length));
        pValues.forEach((other, there) => {
          if (pValue <= other) {
            expect(adjusted[at]).toBeLessThanOrEqual(adjusted[there] as number);
          }
        });
      });
    });
  });
});
