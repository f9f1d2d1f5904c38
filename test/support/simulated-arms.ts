import { SeededGenerator, type UniformSource } from "../../src/numerics/random-generator.ts";
import type { TwoArms } from "../../src/statistics/comparison.ts";
import type { CovariateSums } from "../../src/statistics/cuped.ts";
import { type Counts, RunningMoments, type Sample } from "../../src/statistics/moments.ts";
import type { Result } from "../../src/statistics/result.ts";
import { sampleBeta, sampleGamma, sampleNormal } from "./sampling.ts";

/** Draws what is known of an arm after all its observations. */
export type Arm<Summary> = (source: UniformSource) => Summary;

function sampleOf(n: number, draw: () => number): Sample {
  const moments = new RunningMoments();
  for (let count = 0; count < n; count += 1) moments.add(draw());
  return moments.sample();
}

export function normals(n: number, mean: number, standardDeviation: number): Arm<Sample> {
  return (source) => sampleOf(n, () => mean + standardDeviation * sampleNormal(source));
}

export function exponentials(n: number, mean: number): Arm<Sample> {
  return (source) => sampleOf(n, () => mean * sampleGamma(source, 1));
}

/** Rewards in [0,1], Beta(alpha, 3), with mean alpha / (alpha + 3). */
export function rewards(n: number, alpha: number): Arm<Sample> {
  return (source) => sampleOf(n, () => sampleBeta(source, { alpha, beta: 3 }));
}

export function counts(n: number, rate: number): Arm<Counts> {
  return (source) => {
    let successes = 0;
    for (let count = 0; count < n; count += 1) if (source.next() < rate) successes += 1;
    return { n, successes };
  };
}

/** Outcomes with variance 1, of which a covariate explains correlation². */
export function outcomesWithCovariate(
  n: number,
  mean: number,
  correlation: number,
): Arm<CovariateSums> {
  return (source) => {
    const sums = { n, sumX: 0, sumY: 0, sumXX: 0, sumYY: 0, sumXY: 0 };
    for (let count = 0; count < n; count += 1) {
      const x = sampleNormal(source);
      const y = mean + correlation * x + Math.sqrt(1 - correlation ** 2) * sampleNormal(source);
      sums.sumX += x;
      sums.sumY += y;
      sums.sumXX += x * x;
      sums.sumYY += y * y;
      sums.sumXY += x * y;
    }
    return sums;
  };
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** One experiment: both arms are drawn, then tested. */
export function experiment<Summary>(
  test: (arms: TwoArms<Summary>) => Result<Interval>,
  control: Arm<Summary>,
  treatment: Arm<Summary>,
): (source: UniformSource) => Result<Interval> {
  return (source) => test({ control: control(source), treatment: treatment(source) });
}

/** Share of the intervals that hold the truth. Refused ones count as neither; all refused → NaN. */
export function coverage(
  run: (source: UniformSource) => Result<Interval>,
  truth: number,
  runs: number,
): number {
  let [covered, spoke] = [0, 0];
  for (let seed = 0; seed < runs; seed += 1) {
    const found = run(SeededGenerator.fromSeed(5_000_000 + seed));
    if (!found.ok) continue;
    spoke += 1;
    if (found.value.low <= truth && found.value.high >= truth) covered += 1;
  }
  return covered / spoke;
}
