import { describe, expect, it } from "vitest";
import { boundedDifferenceSequence } from "../../src/statistics/bounded-sequence.ts";
import {
  differenceSequence,
  relativeDifferenceSequence,
} from "../../src/statistics/confidence-sequence.ts";
import { refuse } from "../../src/statistics/result.ts";
import { welchTest } from "../../src/statistics/welch.ts";
import {
  bernoulli,
  type Draw,
  equalArms,
  type IntervalTest,
  missRate,
  type PeekedExperiment,
  skewed,
} from "../support/peeked-experiment.ts";
import { rateMax } from "../support/rate-bound.ts";
import { sampleNormal } from "../support/sampling.ts";

/**
 * Level 0.05, looked at after every observation. Every bound is one that a method which keeps its level breaks
 * once in 1,000 sets of seeds; the seeds are fixed, so a failure is a change of behaviour.
 */
const alpha = 0.05;
const looks = 2000;

const logNormal: Draw = (source) => Math.exp(sampleNormal(source));
/** Rates of 0.5 and 0.6. */
const unequalArms = (truth: number): PeekedExperiment => ({
  control: bernoulli(0.5),
  treatment: bernoulli(0.6),
  treatmentShare: 0.5,
  truth,
});

describe(`a difference that is looked at ${looks} times`, () => {
  const runs = 400;
  const settings: [string, PeekedExperiment, number][] = [
    ["0/1 rewards, rate 0.5", equalArms(bernoulli(0.5)), 500],
    ["0/1 rewards, rate 0.1", equalArms(bernoulli(0.1)), 500],
    ["skewed rewards in [0,1]", equalArms(skewed), 500],
    ["0/1 rewards, rate 0.5, a fifth in the treatment", equalArms(bernoulli(0.5), 0.2), runs],
    ["0/1 rewards, rates 0.5 and 0.6", unequalArms(0.1), runs],
  ];
  it.each(settings)("%s: misses in at most one run of twenty", (_, setting, count) => {
    expect(missRate(differenceSequence, setting, { runs: count, looks })).toBeLessThan(
      rateMax(alpha, count),
    );
  });

  it("log-normal rewards without a range: misses in at most one run of twenty", () => {
    const test: IntervalTest = (arms) => differenceSequence(arms, { range: "unbounded" });
    const missed = missRate(test, equalArms(logNormal), { runs, looks });
    expect(missed).toBeLessThan(rateMax(alpha, runs));
  });

  it("a relative effect of 20 %: misses in at most one run of twenty", () => {
    const missed = missRate(relativeDifferenceSequence, unequalArms(0.2), { runs, looks });
    expect(missed).toBeLessThan(rateMax(alpha, runs));
  });

  it("Welch's test misses in more than 25 % of them (negative control)", () => {
    const fromThirtyOn: IntervalTest = (arms) =>
      Math.min(arms.control.n, arms.treatment.n) < 30
        ? refuse("too_few", "as long as the sequence is silent")
        : welchTest(arms);
    const missed = missRate(fromThirtyOn, equalArms(bernoulli(0.5)), { runs: 200, looks });
    expect(missed).toBeGreaterThan(0.25);
  });

  it("finds 0.5 against 0.6 in at least 90 % of the runs", () => {
    const found = missRate(differenceSequence, unequalArms(0), { runs: 200, looks });
    expect(found).toBeGreaterThan(0.9);
  });
});

describe("the bounded sequence, from the first observation on", () => {
  const runs = 200;
  /** A look costs a tenth of a millisecond: every one at first, every fortieth later. */
  const bounded: IntervalTest = (arms) => {
    const n = arms.control.n + arms.treatment.n;
    return n <= 20 || n % 40 === 0
      ? boundedDifferenceSequence(arms)
      : refuse("too_few", "not at this look");
  };

  it.each([
    ["0/1 rewards, rate 0.3", bernoulli(0.3)],
    ["0/1 rewards, rate 0.02", bernoulli(0.02)],
    ["skewed rewards", skewed],
  ] as const)("%s: misses in at most one run of twenty", (_, draw) => {
    const missed = missRate(bounded, equalArms(draw), { runs, looks });
    expect(missed).toBeLessThan(rateMax(alpha, runs));
  });

  it("a difference that is 0.2 off is missed in more than 80 % of the runs (negative control)", () => {
    const off = { ...unequalArms(0.1), truth: -0.1 };
    expect(missRate(bounded, off, { runs: 60, looks })).toBeGreaterThan(0.8);
  });
});
