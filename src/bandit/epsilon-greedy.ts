/** Means closer than this count as tied: it is far above rounding and far below anything learnable. */
const tieTolerance = 1e-12;

/** ε(n) = ε·h / (h + n); constant when the half-life h is 0. `generations` is n, over all arms. */
export function decayedEpsilon(
  schedule: { readonly epsilon: number; readonly decayHalfLifeGenerations: number },
  generations: number,
): number {
  const { epsilon, decayHalfLifeGenerations: halfLife } = schedule;
  return halfLife > 0 ? (epsilon * halfLife) / (halfLife + generations) : epsilon;
}

/** ε spread evenly over all arms; 1 − ε shared equally by the arms whose mean is the highest (within 1e-12). */
export function epsilonGreedyShares(means: ArrayLike<number>, epsilon: number): Float64Array {
  const count = means.length;
  let best = Number.NEGATIVE_INFINITY;
  for (let arm = 0; arm < count; arm += 1) best = Math.max(best, means[arm] as number);
  const isBest = (arm: number): boolean => (means[arm] as number) >= best - tieTolerance;
  let bestCount = 0;
  for (let arm = 0; arm < count; arm += 1) if (isBest(arm)) bestCount += 1;
  return Float64Array.from(
    means,
    (_, arm) => epsilon / count + (isBest(arm) ? (1 - epsilon) / bestCount : 0),
  );
}
