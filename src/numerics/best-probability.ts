import { gaussLegendre6 } from "./gauss-legendre.ts";
import { LogitBetaGrid } from "./logit-beta-grid.ts";

/** Width of a panel of six nodes, in units of the narrowest density that is not constant there. */
const panelScales = 0.75;

/**
 * The probability of each arm to have the largest mean, for independent Beta posteriors:
 *
 *     P(i is best) = ∫ f_i(z) Π_{j≠i} F_j(z) dz
 *
 * by Gauss–Legendre panels in z = logit(x). Deterministic; absolute error at most 1e-6 for shapes from
 * 0.5 to 1e12 and up to 100 arms (measured: below 1e-7 over the committed cases and 250 random ones). Adds up to 1 to within
 * rounding. Arms with equal shapes get bit for bit the same probability.
 *
 * Each arm's grid (1.6 to 5 KB) is kept: changing one arm costs one new grid and one pass over the
 * nodes. Refused: sampling (5e-3 at 10,000 draws, and the logged propensity would be wrong by as much);
 * one fixed grid for all arms (a posterior of 1e7 trials needs 20,000 nodes); the closed sums over
 * integer shapes (rewards are fractional, and their cost grows with the counts).
 */
export class BestProbability {
  readonly #grids: (LogitBetaGrid | undefined)[];

  constructor(armCount: number) {
    this.#grids = new Array(armCount).fill(undefined);
  }

  /** `alpha`, `beta` from 0.5 to 1e12. Costs nothing when they are what they were. */
  setArm(arm: number, shape: { alpha: number; beta: number }): void {
    const grid = this.#grids[arm];
    if (grid?.alpha === shape.alpha && grid.beta === shape.beta) return;
    // An equal arm's grid is shared: fresh arms, which all have the prior, cost one grid together.
    this.#grids[arm] =
      this.#grids.find((other) => other?.alpha === shape.alpha && other.beta === shape.beta) ??
      new LogitBetaGrid(shape.alpha, shape.beta);
  }

  /** One probability per arm. Every arm must have been set. */
  probabilities(): Float64Array {
    const groups = groupEqualArms(this.#grids as LogitBetaGrid[]);
    const result = new Float64Array(this.#grids.length);
    const contenders = withoutHopeless(groups);
    if (contenders.length === 1) {
      share(result, contenders, [1]);
      return result;
    }
    share(result, contenders, integrate(contenders));
    return result;
  }
}

interface Group {
  readonly grid: LogitBetaGrid;
  readonly arms: number[];
}

function groupEqualArms(grids: readonly LogitBetaGrid[]): Group[] {
  const groups: Group[] = [];
  grids.forEach((grid, arm) => {
    const group = groups.find(
      (other) =>
        other.grid === grid || (other.grid.alpha === grid.alpha && other.grid.beta === grid.beta),
    );
    if (group === undefined) groups.push({ grid, arms: [arm] });
    else group.arms.push(arm);
  });
  return groups;
}

/** Leaves out arms whose support ends below where another one's begins: their probability is below 1e-9. */
function withoutHopeless(groups: readonly Group[]): readonly Group[] {
  const low = Math.max(...groups.map((group) => group.grid.low));
  return groups.filter((group) => group.grid.high > low);
}

function share(result: Float64Array, groups: readonly Group[], masses: readonly number[]): void {
  let total = 0;
  groups.forEach((group, index) => {
    total += group.arms.length * (masses[index] as number);
  });
  groups.forEach((group, index) => {
    for (const arm of group.arms) result[arm] = (masses[index] as number) / total;
  });
}

/** Scratch space, grown as needed and reused by every call: this module never yields while it uses it. */
let points = new Float64Array(1024);
let weights = new Float64Array(1024);
let product = new Float64Array(1024);
let cdfs = new Float64Array(8192);
let densities = new Float64Array(8192);

/** ∫ f_i F_i^{m_i − 1} Π_{j≠i} F_j^{m_j} for each group i, m its number of arms. */
function integrate(groups: readonly Group[]): number[] {
  const count = layOutPanels(groups);
  if (cdfs.length < groups.length * count) {
    cdfs = new Float64Array(groups.length * count * 2);
    densities = new Float64Array(groups.length * count * 2);
  }
  product.set(weights.subarray(0, count));
  groups.forEach(({ grid, arms }, index) => {
    const offset = index * count;
    grid.evaluate(points, count, cdfs, densities, offset);
    const multiplicity = arms.length;
    for (let at = 0; at < count; at += 1) {
      // Not 0, so that the division below undoes this factor.
      const cdf = Math.max(cdfs[offset + at] as number, 1e-30);
      cdfs[offset + at] = cdf;
      product[at] = (product[at] as number) * (multiplicity === 1 ? cdf : cdf ** multiplicity);
    }
  });
  return groups.map((_, index) => {
    const offset = index * count;
    let mass = 0;
    for (let at = 0; at < count; at += 1) {
      mass +=
        ((product[at] as number) / (cdfs[offset + at] as number)) *
        (densities[offset + at] as number);
    }
    return mass;
  });
}

/**
 * Fills {@link points} and {@link weights}. Below the largest `low` some factor is 0, above the largest
 * `high` all densities are, so the panels cover what is between. Every arm's support begins at or
 * before the first panel; so a panel is as wide as the narrowest arm whose support has not ended allows.
 * @returns the number of points.
 */
function layOutPanels(groups: readonly Group[]): number {
  const { nodes, weights: ruleWeights } = gaussLegendre6;
  const end = Math.max(...groups.map((group) => group.grid.high));
  let start = Math.max(...groups.map((group) => group.grid.low));
  let count = 0;
  while (start < end) {
    let next = end;
    for (const { grid } of groups) {
      if (grid.high > start) next = Math.min(next, start + panelScales * grid.scale);
    }
    if (count + nodes.length > points.length) growPoints();
    for (let index = 0; index < nodes.length; index += 1) {
      points[count] = start + (nodes[index] as number) * (next - start);
      weights[count] = (ruleWeights[index] as number) * (next - start);
      count += 1;
    }
    start = next;
  }
  return count;
}

function growPoints(): void {
  const grow = (array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
    const larger = new Float64Array(array.length * 2);
    larger.set(array);
    return larger;
  };
  points = grow(points);
  weights = grow(weights);
  product = grow(product);
}
