/**
 * √n times the largest distance between a sample and a distribution function that is continuous inside
 * the sample's range. Numbers that were rounded to `atoms` (0 and 1 for a beta with tiny shapes) are
 * compared from the inside only.
 */
export function kolmogorovSmirnov(
  sample: readonly number[],
  cdf: (x: number) => number,
  atoms: readonly number[] = [],
): number {
  const sorted = [...sample].sort((a, b) => a - b);
  let distance = 0;
  for (let from = 0; from < sorted.length; ) {
    const x = sorted[from] as number;
    let to = from + 1;
    while (sorted[to] === x) to += 1;
    if (!atoms.includes(x)) {
      const expected = cdf(x);
      distance = Math.max(
        distance,
        Math.abs(from / sorted.length - expected),
        Math.abs(to / sorted.length - expected),
      );
    }
    from = to;
  }
  return distance * Math.sqrt(sorted.length);
}

/** What {@link kolmogorovSmirnov} exceeds with at most the given probability (Massart 1990). */
export function kolmogorovSmirnovBound(falseAlarmRate: number): number {
  return Math.sqrt(-0.5 * Math.log(falseAlarmRate / 2));
}
