import { describe, expect, it } from "vitest";
import {
  differenceSequence,
  relativeDifferenceSequence,
} from "../../src/statistics/confidence-sequence.ts";
import { refuse } from "../../src/statistics/result.ts";
import { welchTest } from "../../src/statistics/welch.ts";
import {
  bernoulli,
  type Draw,
  type IntervalTest,
  missRate,
  type PeekedExperiment,
} from "../support/peeked-experiment.ts";
import { rateMax } from "../support/rate-bound.ts";
import { sampleBeta, sampleNormal } from "../support/sampling.ts";

/**
 * Level 0.05, looked at after every observation. Every bound is one that a method which keeps its level breaks
 * once in 1,000 sets of seeds; the seeds are fixed, so a failure is a change of behaviour.
 */
const alpha = 0.05;
const looks = 2000;

/** In [0,1], mean 1/11, skewness 2.2: most rewards are next to nothing. */
const skewed: Draw = (source) => sampleBeta(source, { alpha: 0.3, beta: 3 });
const logNormal: Draw = (source) => Math.exp(sampleNormal(source));
const evenly = { treatmentShare: 0.5, truth: 0 };

describe(`a difference that is looked at ${looks} times`, () => {
  const runs = 500;
  const fewerRuns = 400;
  const settings: [string, PeekedExperiment, number][] = [
    [
      "0/1 rewards, rate 0.5",
      { control: bernoulli(0.5), treatment: bernoulli(0.5), ...evenly },
      runs,
    ],
    [
      "0/1 rewards, rate 0.1",
      { control: bernoulli(0.1), treatment: bernoulli(0.1), ...evenly },
      runs,
    ],
    ["skewed rewards in [0,1]", { control: skewed, treatment: skewed, ...evenly }, runs],
    [
      "0/1 rewards, rate 0.5, a fifth in the treatment",
      { control: bernoulli(0.5), treatment: bernoulli(0.5), treatmentShare: 0.2, truth: 0 },
      fewerRuns,
    ],
    [
      "0/1 rewards, rates 0.5 and 0.6",
      { control: bernoulli(0.5), treatment: bernoulli(0.6), treatmentShare: 0.5, truth: 0.1 },
      fewerRuns,
    ],
  ];
  it.each(settings)("%s: misses in at most one run of twenty", (_, setting, count) => {
    expect(missRate(differenceSequence, setting, { runs: count, looks })).toBeLessThan(
      rateMax(alpha, count),
    );
  });

  it("log-normal rewards without a range: misses in at most one run of twenty", () => {
    const test: IntervalTest = (arms) => differenceSequence(arms, { range: "unbounded" });
    const setting = { control: logNormal, treatment: logNormal, ...evenly };
    expect(missRate(test, setting, { runs: fewerRuns, looks })).toBeLessThan(
      rateMax(alpha, fewerRuns),
    );
  });

  it("a relative effect of 20 %: misses in at most one run of twenty", () => {
    const setting = {
      control: bernoulli(0.5),
      treatment: bernoulli(0.6),
      treatmentShare: 0.5,
      truth: 0.2,
    };
    expect(missRate(relativeDifferenceSequence, setting, { runs: fewerRuns, looks })).toBeLessThan(
      rateMax(alpha, fewerRuns),
    );
  });

  it("Welch's test misses in more than 25 % of them (negative control)", () => {
    const fromThirtyOn: IntervalTest = (arms) =>
      Math.min(arms.control.n, arms.treatment.n) < 30
        ? refuse("too_few", "as long as the sequence is silent")
        : welchTest(arms);
    const setting = { control: bernoulli(0.5), treatment: bernoulli(0.5), ...evenly };
    expect(missRate(fromThirtyOn, setting, { runs: 200, looks })).toBeGreaterThan(0.25);
  });

  it("finds 0.5 against 0.6 in at least 90 % of the runs", () => {
    const setting = { control: bernoulli(0.5), treatment: bernoulli(0.6), ...evenly };
    expect(missRate(differenceSequence, setting, { runs: 200, looks })).toBeGreaterThan(0.9);
  });
});
