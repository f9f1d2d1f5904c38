/**
 * Shares in proportion to exp(mean / temperature) over the posterior means (Boltzmann exploration; Luce 1959,
 * Sutton & Barto 2018, §2.8). `temperature` above 0.
 */
export function softmaxShares(means: readonly number[], temperature: number): Float64Array {
  const largest = Math.max(...means);
  const weights = Float64Array.from(means, (mean) => Math.exp((mean - largest) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
