import type { EvidenceTable } from "./evidence-table.ts";

/** Seven were enough for everything tried. */
const newtonStepsMax = 40;
/** No variance of a number in [0,1] is larger. */
export const varianceMax = 0.25;

/** Rows in which two arms or more were tried tell arms apart: cells − rows − (arms − 1). */
export function countDegreesOfFreedom({ weights, rowOf, armOf }: EvidenceTable): number {
  const compared = new Set<number>();
  let cells = 0;
  let rows = 0;
  for (let row = 0; row < rowOf.size; row += 1) {
    const arms: number[] = [];
    for (let arm = 0; arm < armOf.size; arm += 1) {
      if ((weights[row * armOf.size + arm] as number) > 0) arms.push(arm);
    }
    if (arms.length < 2) continue;
    cells += arms.length;
    rows += 1;
    for (const arm of arms) compared.add(arm);
  }
  return cells - rows - (compared.size - 1);
}

/** Σ n·y(1 − y) / Σ(n − 1) over the cells, unbiased for 0/1 rewards, and one outcome at the overall mean. */
export function estimateOutcomeVariance({ weights, means }: EvidenceTable): number {
  let weight = 0;
  let reward = 0;
  let spread = 0;
  let freedom = 0;
  weights.forEach((n, cell) => {
    const mean = means[cell] as number;
    weight += n;
    reward += n * mean;
    if (n <= 1) return;
    spread += n * mean * (1 - mean);
    freedom += n - 1;
  });
  if (weight === 0) return 0;
  const overall = reward / weight;
  return Math.min((spread + overall * (1 - overall)) / (freedom + 1), varianceMax);
}

/**
 * The τ² at which Q(τ²) = Σ_c Σ_a w(x − x̄_c)² is what it is on average, its degrees of freedom; x = y − δ_a,
 * w = 1/(τ² + v/n), x̄_c the mean of the row weighted by w (Paule & Mandel 1982). 0 when Q is smaller there
 * already. Newton's method as in DerSimonian & Kacker (2007), but on 1/Q: a sum of z²/(τ² + λ) has a concave
 * reciprocal, so the steps from 0 come from below and never overshoot, and evidence of any weight takes few.
 */
export function solveInteractionVariance(
  { weights, means, rowOf, armOf }: EvidenceTable,
  effects: Float64Array,
  known: { readonly outcomeVariance: number; readonly degreesOfFreedom: number },
): number {
  let variance = 0;
  for (let step = 0; step < newtonStepsMax; step += 1) {
    let dispersion = 0;
    let slope = 0;
    for (let row = 0; row < rowOf.size; row += 1) {
      let w = 0;
      let wx = 0;
      let wxx = 0;
      let ww = 0;
      let wwx = 0;
      let wwxx = 0;
      for (let arm = 0; arm < armOf.size; arm += 1) {
        const cell = row * armOf.size + arm;
        const n = weights[cell] as number;
        if (n === 0) continue;
        const precision = n / (variance * n + known.outcomeVariance);
        const x = (means[cell] as number) - (effects[arm] as number);
        w += precision;
        wx += precision * x;
        wxx += precision * x * x;
        ww += precision * precision;
        wwx += precision * precision * x;
        wwxx += precision * precision * x * x;
      }
      if (w === 0) continue;
      const mean = wx / w;
      dispersion += Math.max(wxx - wx * mean, 0);
      slope += Math.max(wwxx - 2 * mean * wwx + mean * mean * ww, 0);
    }
    const excess = dispersion - known.degreesOfFreedom;
    if (!(excess > 1e-9 * known.degreesOfFreedom) || slope === 0) break;
    variance += (dispersion / known.degreesOfFreedom) * (excess / slope);
  }
  return Math.min(variance, varianceMax);
}
