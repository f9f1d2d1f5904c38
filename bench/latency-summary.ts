/** Exact percentiles of one set of durations, in milliseconds. */
export interface LatencySummary {
  /** How many durations; a p99.9 rests on the n / 1000 largest of them. */
  readonly n: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** Sorts `samplesMs` in place. All zero when there are none. */
export function summarizeLatencies(samplesMs: Float64Array): LatencySummary {
  samplesMs.sort();
  let sumMs = 0;
  for (const sampleMs of samplesMs) sumMs += sampleMs;
  const n = samplesMs.length;
  return {
    n,
    meanMs: n === 0 ? 0 : sumMs / n,
    p50Ms: percentileOfSorted(samplesMs, 0.5),
    p95Ms: percentileOfSorted(samplesMs, 0.95),
    p99Ms: percentileOfSorted(samplesMs, 0.99),
    p999Ms: percentileOfSorted(samplesMs, 0.999),
    maxMs: samplesMs[n - 1] ?? 0,
  };
}

/**
 * Nearest rank: the smallest sample that at least `share` of all samples do not exceed. Always a value
 * that was measured, never an interpolation between two. 0 when there are no samples.
 */
export function percentileOfSorted(sortedMs: Float64Array, share: number): number {
  const rank = Math.max(1, Math.ceil(share * sortedMs.length));
  return sortedMs[rank - 1] ?? 0;
}

/** Of an odd number of values the middle one, of an even number the mean of the middle two. 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return sorted.length === 0
    ? 0
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
