/**
 * Gauss–Legendre rules on [0,1] (Abramowitz & Stegun, table 25.4, moved from [−1,1]). A rule of n nodes
 * integrates polynomials up to degree 2n − 1 exactly; the weights add up to 1.
 */
export interface QuadratureRule {
  readonly nodes: readonly number[];
  readonly weights: readonly number[];
}

function onUnitInterval(
  halves: readonly (readonly [node: number, weight: number])[],
): QuadratureRule {
  const pairs = halves.flatMap(([node, weight]) => [
    [(1 - node) / 2, weight / 2] as const,
    [(1 + node) / 2, weight / 2] as const,
  ]);
  pairs.sort((a, b) => a[0] - b[0]);
  return { nodes: pairs.map(([node]) => node), weights: pairs.map(([, weight]) => weight) };
}

export const gaussLegendre6 = onUnitInterval([
  [0.23861918608319693, 0.46791393457269104],
  [0.6612093864662645, 0.3607615730481386],
  [0.9324695142031521, 0.17132449237917036],
]);
