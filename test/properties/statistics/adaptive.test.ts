import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PageHinkley, pageHinkleyDefaults } from "../../../src/bandit/page-hinkley.ts";
import { SeededGenerator } from "../../../src/numerics/random-generator.ts";
import { Aipw } from "../../../src/statistics/aipw.ts";
import { EqualityEProcess } from "../../../src/statistics/equality-e-process.ts";
import type { RewardedDecision } from "../../../src/statistics/logged-decision.ts";
import { PropensitySampleRatio } from "../../../src/statistics/propensity-sample-ratio.ts";
import { forAll } from "../../support/for-all.ts";
import { anyNumber } from "./arbitraries.ts";
import { expectFinite, expectSound } from "./sound-results.ts";

const arms = ["a", "b", "c"];

const anyDecision = fc.record({
  propensities: fc.array(anyNumber, { maxLength: 4 }),
  arm: anyNumber,
  reward: anyNumber,
});

/** Vectors that pass every check, with propensities as small as there are, and rewards as large. */
const possibleDecision = fc
  .record({
    small: fc.constantFrom(0, 5e-324, 1e-308, 1e-160, 1e-30, 1e-6, 0.25),
    order: fc.constantFrom([0, 1, 2], [1, 2, 0], [2, 0, 1]),
    arm: fc.nat({ max: 2 }),
    reward: fc.constantFrom(0, 1, 0.3, 1e-300, 1e150, -1e150, 1e308, -1e308),
  })
  .map(({ small, order, arm, reward }): RewardedDecision => {
    const vector = [small, 0.4, 0.6 - small];
    const propensities = order.map((index) => vector[index] as number);
    const servedArm = propensities[arm] === 0 ? propensities.indexOf(0.4) : arm;
    return { propensities, arm: servedArm, reward };
  });
/** Within the tolerance of the sum, and above 1. */
const justAboveOne: RewardedDecision = { propensities: [1 + 5e-7, 0, 0], arm: 0, reward: 1 };

const binary = possibleDecision.map((decision) => ({
  ...decision,
  reward: decision.reward === 0 ? 0 : 1,
}));

/** Logs whose arms were drawn as they say, with rewards of 0 and `size`, and some decisions that strain the numbers. */
const drawnLog = fc
  .tuple(
    fc.nat(),
    fc.integer({ min: 200, max: 800 }),
    fc.constantFrom(1, 1e-300, 1e150, 1e308),
    fc.array(fc.oneof(possibleDecision, fc.constant(justAboveOne)), { maxLength: 2 }),
  )
  .map(([seed, count, size, strange]): RewardedDecision[] => {
    const generator = SeededGenerator.fromSeed(seed);
    const propensities = [0.4, 0.3, 0.3];
    const drawn = Array.from({ length: count }, () => {
      const unit = generator.next();
      const arm = unit < 0.4 ? 0 : unit < 0.7 ? 1 : 2;
      return { propensities, arm, reward: generator.next() < 0.5 ? size : 0 };
    });
    return [...drawn, ...strange];
  });

const weighting = fc.constantFrom("variance_stabilizing" as const, "uniform" as const);

const log = fc.oneof(
  fc.array(anyDecision, { maxLength: 20 }),
  fc.array(possibleDecision, { maxLength: 400, size: "max" }),
  fc.array(fc.oneof(binary, fc.constant(justAboveOne)), { maxLength: 400, size: "max" }),
  fc.array(fc.constant(justAboveOne), { maxLength: 400, size: "max" }),
);

describe("whatever the numbers are, nothing throws and nothing accepted is NaN or infinite", () => {
  const rewardRange = { low: 0, high: 1 };
  const alpha = (usual: number) => fc.oneof(fc.constant(usual), anyNumber);

  it("Aipw", () => {
    const options = fc.record({
      control: fc.oneof(fc.constantFrom(0, 1), anyNumber),
      range: fc.oneof(
        fc.constantFrom("unbounded" as const, rewardRange),
        fc.record({ low: anyNumber, high: anyNumber }),
      ),
      weighting,
    });
    const drawn = [log, options, alpha(0.05), anyNumber] as const;
    return forAll([...drawn], { numRuns: 1000 }, (decisions, options, alpha, anyArm) => {
      const aipw = new Aipw({ arms, ...options });
      for (const decision of decisions) aipw.push(decision);
      for (const arm of [0, 1, 2, anyArm]) {
        expectSound(aipw.value(arm, { alpha }));
        expectSound(aipw.difference(arm, { alpha }));
      }
    });
  });

  it("Aipw, on logs that it has something to say about", async () => {
    let spoke = 0;
    const ranges = fc.constantFrom("unbounded" as const, { low: -1e308, high: 1e307 }, rewardRange);
    await forAll([drawnLog, ranges, weighting], { numRuns: 500 }, (decisions, range, weighting) => {
      const aipw = new Aipw({ arms, control: 0, range, weighting });
      for (const decision of decisions) aipw.push(decision);
      for (const arm of [1, 2]) {
        expectSound(aipw.value(arm));
        if (expectSound(aipw.difference(arm))) spoke += 1;
      }
    });
    expect(spoke).toBeGreaterThan(20);
  });

  it("EqualityEProcess", async () => {
    let spoke = 0;
    const treatments = fc.oneof(fc.constant(1), anyNumber);
    const drawn = [log, treatments, alpha(0.05)] as const;
    await forAll([...drawn], { numRuns: 1000 }, (decisions, treatment, alpha) => {
      const process = new EqualityEProcess({ arms, treatment, control: 0 });
      for (const decision of decisions) process.push(decision);
      const result = process.result({ alpha });
      if (!expectSound(result)) return;
      spoke += 1;
      expect(result.value.pValue).toBeGreaterThan(0);
      expect(result.value.eValue).toBeGreaterThan(0);
    });
    expect(spoke).toBeGreaterThan(20);
  });

  it("PropensitySampleRatio", async () => {
    let spoke = 0;
    await forAll([log, alpha(0.001)], { numRuns: 1000 }, (decisions, alpha) => {
      const check = new PropensitySampleRatio({ arms });
      for (const decision of decisions) check.push(decision);
      for (const result of [check.test({ alpha }), check.sequence({ alpha })]) {
        if (expectSound(result)) spoke += 1;
      }
    });
    expect(spoke).toBeGreaterThan(20);
  });

  it("PageHinkley: any values, weights and expectations", () => {
    const outcome = fc.tuple(
      fc.oneof(anyNumber, fc.constantFrom(0, 0.5, 1)),
      fc.oneof(anyNumber, fc.constantFrom(1, 5e-324)),
    );
    const outcomes = fc.array(outcome, { maxLength: 200, size: "max" });
    const expectation = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined });
    return forAll([outcomes, expectation], { numRuns: 1000 }, (outcomes, expected) => {
      const detector = new PageHinkley({ ...pageHinkleyDefaults, weightMin: 5e-324, threshold: 3 });
      for (const [value, weight] of outcomes) {
        const alarm = detector.push(value, weight, expected);
        if (alarm === undefined) continue;
        expectFinite(alarm);
        for (const mean of [alarm.meanBefore, alarm.meanSince]) {
          expect(mean).toBeGreaterThanOrEqual(0);
          expect(mean).toBeLessThanOrEqual(1);
        }
        expect(alarm.changeIndex).toBeLessThan(alarm.observations);
      }
    });
  });
});
