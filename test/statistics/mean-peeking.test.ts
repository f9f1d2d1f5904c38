import { describe, expect, it } from "vitest";
import { normalUpperQuantile } from "../../src/numerics/normal.ts";
import {
  boundedDifferenceSequence,
  boundedMeanSequence,
} from "../../src/statistics/bounded-sequence.ts";
import { meanSequence } from "../../src/statistics/confidence-sequence.ts";
import { accept, refuse } from "../../src/statistics/result.ts";
import {
  bernoulli,
  type Draw,
  equalArms,
  type IntervalTest,
  missRate,
  singleMean,
  skewed,
} from "../support/peeked-experiment.ts";
import { rateMax } from "../support/rate-bound.ts";

/** As in sequence-peeking.test.ts: level 0.05, bounds that are broken once in 1,000 sets of seeds. */
const alpha = 0.05;
const looks = 2000;
describe(`a mean that is looked at ${looks} times`, () => {
  const runs = 500;
  const settings: [string, Draw, number][] = [
    ["0/1 rewards, rate 0.1", bernoulli(0.1), 0.1],
    ["skewed rewards in [0,1]", skewed, 1 / 11],
  ];
  it.each(settings)("%s: misses in at most one run of twenty", (_, draw, truth) => {
    const test: IntervalTest = ({ control }) => meanSequence(control, { expectedMean: truth });
    const missed = missRate(test, singleMean(draw, truth), { runs, looks });
    expect(missed).toBeLessThan(rateMax(alpha, runs));
  });

  it.each(settings)(
    "%s: an interval for one look does not pass the same check (negative control)",
    (_, draw, truth) => {
      const critical = normalUpperQuantile(alpha / 2);
      const forOneLook: IntervalTest = ({ control }) => {
        const sequence = meanSequence(control, { expectedMean: truth });
        if (!sequence.ok) return sequence;
        const { estimate, standardError } = sequence.value;
        const margin = critical * standardError;
        return accept({ low: estimate - margin, high: estimate + margin });
      };
      const missed = missRate(forOneLook, singleMean(draw, truth), { runs, looks });
      expect(missed).toBeGreaterThan(rateMax(alpha, runs));
    },
  );
});

describe("bounded sequences, from the first observation on", () => {
  const runs = 200;
  /** A look costs a tenth of a millisecond: every one at first, every fortieth later. */
  const now = (n: number): boolean => n <= 20 || n % 40 === 0;
  const boundedMean =
    (expectedMean: number): IntervalTest =>
    ({ control }) =>
      now(control.n) && control.n <= 1000
        ? boundedMeanSequence(control, { expectedMean })
        : refuse("too_few", "not at this look");
  const boundedDifference: IntervalTest = (arms) =>
    now(arms.control.n + arms.treatment.n)
      ? boundedDifferenceSequence(arms)
      : refuse("too_few", "not at this look");

  it.each([
    ["0/1 rewards, rate 0.5", bernoulli(0.5), 0.5],
    ["0/1 rewards, rate 0.02", bernoulli(0.02), 0.02],
    ["skewed rewards", skewed, 1 / 11],
  ] as const)("%s: the mean misses in at most one run of twenty", (_, draw, truth) => {
    const missed = missRate(boundedMean(truth), singleMean(draw, truth), { runs, looks });
    expect(missed).toBeLessThan(rateMax(alpha, runs));
  });

  it("the difference misses in at most one run of twenty", () => {
    const missed = missRate(boundedDifference, equalArms(bernoulli(0.3)), { runs, looks });
    expect(missed).toBeLessThan(rateMax(alpha, runs));
  });

  it("a mean that is 0.04 off is missed in more than 80 % of the runs (negative control)", () => {
    const missed = missRate(boundedMean(0.02), singleMean(bernoulli(0.06), 0.02), { runs, looks });
    expect(missed).toBeGreaterThan(0.8);
  });
});
