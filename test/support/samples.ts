import { type Counts, RunningMoments, type Sample } from "../../src/statistics/moments.ts";

export function sampleOf(observations: Iterable<number>): Sample {
  const moments = new RunningMoments();
  for (const value of observations) moments.add(value);
  return moments.sample();
}

/** Of 0/1 observations: mean p = successes/n, variance p(1 − p)·n/(n − 1). */
export function sampleOfCounts({ n, successes }: Counts): Sample {
  return { n, mean: successes / n, variance: ((successes / n) * (n - successes)) / (n - 1) };
}
