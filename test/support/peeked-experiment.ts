import { SeededGenerator, type UniformSource } from "../../src/numerics/random-generator.ts";
import type { TwoArms } from "../../src/statistics/comparison.ts";
import { RunningMoments, type Sample } from "../../src/statistics/moments.ts";
import type { Result } from "../../src/statistics/result.ts";
import { sampleBeta } from "./sampling.ts";

export type Draw = (source: UniformSource) => number;

export const bernoulli =
  (rate: number): Draw =>
  (source) =>
    source.next() < rate ? 1 : 0;

export type IntervalTest = (
  arms: TwoArms<Sample>,
) => Result<{ readonly low: number; readonly high: number }>;

export interface PeekedExperiment {
  readonly control: Draw;
  readonly treatment: Draw;
  readonly treatmentShare: number;
  /** What the intervals must hold. */
  readonly truth: number;
}

/** Two arms with the same rewards. */
export function equalArms(draw: Draw, treatmentShare = 0.5): PeekedExperiment {
  return { control: draw, treatment: draw, treatmentShare, truth: 0 };
}

/** Rewards in [0,1] with mean 1/11 and skewness 2.2: most are next to nothing. */
export const skewed: Draw = (source) => sampleBeta(source, { alpha: 0.3, beta: 3 });

/** Share of the runs in which any of the intervals misses the truth. A refusal misses nothing. */
export function missRate(
  test: IntervalTest,
  experiment: PeekedExperiment,
  { runs, looks }: { readonly runs: number; readonly looks: number },
): number {
  const { control, treatment, treatmentShare, truth } = experiment;
  let missed = 0;
  for (let run = 0; run < runs; run += 1) {
    const source = SeededGenerator.fromSeed(71_000 + run);
    const arms = { control: new RunningMoments(), treatment: new RunningMoments() };
    for (let look = 0; look < looks; look += 1) {
      if (source.next() < treatmentShare) arms.treatment.add(treatment(source));
      else arms.control.add(control(source));
      const found = test({ control: arms.control.sample(), treatment: arms.treatment.sample() });
      if (!found.ok || (found.value.low <= truth && found.value.high >= truth)) continue;
      missed += 1;
      break;
    }
  }
  return missed / runs;
}
