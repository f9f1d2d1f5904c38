/**
 * P(X > statistic) for a chi-square distribution with an even number of degrees of freedom, where it is
 * a finite sum (Abramowitz & Stegun 26.4.5). Independent of the code under test.
 */
export function chiSquareUpperTail(statistic: number, degreesOfFreedom: number): number {
  if (degreesOfFreedom % 2 !== 0) throw new Error("degrees of freedom must be even");
  let term = 1;
  let sum = 1;
  for (let index = 1; index < degreesOfFreedom / 2; index += 1) {
    term *= statistic / 2 / index;
    sum += term;
  }
  return Math.exp(-statistic / 2) * sum;
}

/** Pearson's statistic of counts against the shares that they should have. */
export function chiSquare(counts: readonly number[], shares: ArrayLike<number>): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, count, at) => {
    const expected = total * (shares[at] as number);
    return sum + (count - expected) ** 2 / expected;
  }, 0);
}
