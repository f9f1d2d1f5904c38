import fc from "fast-check";
import type { BoundedSample } from "../../../src/statistics/bounded-sequence.ts";
import type { CovariateSums } from "../../../src/statistics/cuped.ts";
import type { Counts, Sample } from "../../../src/statistics/moments.ts";

/** Any float64: NaN, infinities, −0, subnormal and huge ones; and often one that means something. */
export const anyNumber: fc.Arbitrary<number> = fc.oneof(
  fc.double(),
  fc.double({ min: -1, max: 1 }),
  fc.integer({ min: -3, max: 1000 }),
  fc.constantFrom(0, 1, 2, 30, 0.05, 1e-300, 5e-324, 1e300, 1.7e308, 1e12, 2 ** 53),
);

/** Left out as often as given. */
export const maybe = fc.option(anyNumber, { nil: undefined });

const soundN = fc.oneof(fc.integer({ min: 2, max: 200 }), fc.integer({ min: 2, max: 1e9 }));

/** Evenly spread, which fc.double is not: most of its numbers in [0,1] are below 1e-100. */
const unit = fc.integer({ min: 0, max: 1e6 }).map((value) => value / 1e6);

export const soundSample: fc.Arbitrary<Sample> = fc.record({
  n: soundN,
  mean: fc.integer({ min: -1e6, max: 1e6 }).map((value) => value / 1e3),
  variance: fc.integer({ min: -20, max: 40 }).map((value) => 10 ** (value / 10)),
});

/** Rewards in [0,1]: the variance is a share of the largest such numbers can have. */
export const rewardSample: fc.Arbitrary<Sample> = fc
  .record({
    n: soundN,
    mean: unit,
    spread: unit,
  })
  .map(({ n, mean, spread }) => ({
    n,
    mean,
    variance: (spread * mean * (1 - mean) * n) / (n - 1),
  }));

export const soundCounts: fc.Arbitrary<Counts> = soundN.chain((n) =>
  fc.record({ n: fc.constant(n), successes: fc.integer({ min: 0, max: n }) }),
);

export const boundedSample: fc.Arbitrary<BoundedSample> = fc.record({
  n: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 1e9 })),
  mean: fc.oneof(fc.constantFrom(0, 1), unit, fc.double({ min: 0, max: 1, noNaN: true })),
});

export const anySample: fc.Arbitrary<Sample> = fc.oneof(
  soundSample,
  rewardSample,
  fc.record({ n: anyNumber, mean: anyNumber, variance: anyNumber }),
  fc.record({ n: soundN, mean: anyNumber, variance: anyNumber }),
);

export const anyCounts: fc.Arbitrary<Counts> = fc.oneof(
  soundCounts,
  fc.record({ n: anyNumber, successes: anyNumber }),
);

export const anySums: fc.Arbitrary<CovariateSums> = fc.oneof(
  fc.record({
    n: fc.oneof(soundN, anyNumber),
    sumX: anyNumber,
    sumY: anyNumber,
    sumXX: anyNumber,
    sumYY: anyNumber,
    sumXY: anyNumber,
  }),
  // Sums that some numbers do have.
  fc
    .array(fc.tuple(fc.double({ min: -1e3, max: 1e3, noNaN: true }), unit), {
      minLength: 10,
      maxLength: 30,
    })
    .map((pairs) => {
      const sum = (part: (x: number, y: number) => number): number =>
        pairs.reduce((total, [x, y]) => total + part(x, y), 0);
      return {
        n: pairs.length,
        sumX: sum((x) => x),
        sumY: sum((_, y) => y),
        sumXX: sum((x) => x * x),
        sumYY: sum((_, y) => y * y),
        sumXY: sum((x, y) => x * y),
      };
    }),
);

export const arms = <Summary>(summary: fc.Arbitrary<Summary>) =>
  fc.record({ control: summary, treatment: summary });
