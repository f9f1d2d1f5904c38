import type { ArmDistribution } from "./arm-distribution.ts";
import { gaussLegendre6 } from "./gauss-legendre.ts";

/**
 * What is integrated. A probability is a ratio of integrals with the same error, and what is cut off of a tail does not
 * count; an expectation needs panels of half the width, since the largest of a hundred arms varies over 0.4 of their scale.
 */
type Integrand = "probability" | "expectation";

/** Width of a panel of six nodes, in units of the narrowest distribution that still varies there. */
const panelScales: Readonly<Record<Integrand, number>> = { probability: 1, expectation: 0.5 };

/**
 * The probability of each arm to have the largest value, for independent arms:
 *
 *     P(i is best) = ∫ f_i(z) Π_{j≠i} F_j(z) dz
 *
 * by Gauss–Legendre panels. Deterministic; absolute error at most 1e-6 for up to 100 arms. Adds up to 1 to
 * within rounding. Arms that are the same object get bit for bit the same probability.
 *
 * Refused: sampling (5e-3 at 10,000 draws, and the logged propensity would be wrong by as much); one fixed
 * grid for all arms (a posterior of 1e7 trials needs 20,000 nodes); the closed sums over integer shapes
 * (rewards are fractional, and their cost grows with the counts).
 *
 * @param arms at least one.
 */
export function bestProbabilities(arms: readonly ArmDistribution[]): Float64Array {
  const contenders = withoutHopeless(groupSameArms(arms));
  const masses = contenders.length === 1 ? [1] : integrate(contenders, "probability").masses;
  let total = 0;
  contenders.forEach((group, index) => {
    total += group.arms.length * (masses[index] as number);
  });
  const result = new Float64Array(arms.length);
  contenders.forEach((group, index) => {
    for (const arm of group.arms) result[arm] = (masses[index] as number) / total;
  });
  return result;
}

/** An arm whose expectation is asked for. */
export interface ValuedArm {
  readonly distribution: ArmDistribution;
  /** Expectation of {@link valueAt}. */
  readonly mean: number;
  /** ∫ of (value − `reference`) beyond the end of the support: 0 unless the tail is heavy. */
  upperTailMoment(reference: number): number;
}

/**
 * What choosing arm i is expected to lose against the best one, E[max_j θ_j − θ_i], for each arm; ≥ 0. The
 * absolute error is at most 1e-6 of the larger of the widest arm's scale and the distance between the arms, up to 100 arms.
 * @param arms at least one, each with a finite mean. @param valueAt the value at a point of the line; rises.
 */
export function expectedLosses(
  arms: readonly ValuedArm[],
  valueAt: (point: number) => number,
): Float64Array {
  const distributions = arms.map(({ distribution }) => distribution);
  const contenders = withoutHopeless(groupSameArms(distributions));
  const reference = Math.max(...arms.map(({ mean }) => mean));
  let largest = reference;
  if (contenders.length > 1 || (contenders[0] as Group).arms.length > 1) {
    const { masses, count } = integrate(contenders, "expectation");
    let total = 0;
    let moment = 0;
    contenders.forEach((group, index) => {
      total += group.arms.length * (masses[index] as number);
      const arm = arms[group.arms[0] as number] as ValuedArm;
      moment += group.arms.length * arm.upperTailMoment(reference);
    });
    for (let at = 0; at < count; at += 1) {
      let density = 0;
      contenders.forEach((group, index) => {
        const place = index * count + at;
        density +=
          group.arms.length *
          ((product[at] as number) / (cdfs[place] as number)) *
          (densities[place] as number);
      });
      if (density > 0) moment += density * (valueAt(points[at] as number) - reference);
    }
    largest += moment / total;
  }
  return Float64Array.from(arms, ({ mean }) => Math.max(largest - mean, 0));
}

interface Group {
  readonly distribution: ArmDistribution;
  readonly arms: number[];
}

function groupSameArms(arms: readonly ArmDistribution[]): Group[] {
  const groups = new Map<ArmDistribution, Group>();
  arms.forEach((distribution, arm) => {
    const group = groups.get(distribution);
    if (group === undefined) groups.set(distribution, { distribution, arms: [arm] });
    else group.arms.push(arm);
  });
  return [...groups.values()];
}

/** Leaves out arms whose support ends below where another one's begins: their probability is below 1e-9. */
function withoutHopeless(groups: readonly Group[]): readonly Group[] {
  const low = Math.max(...groups.map((group) => group.distribution.low));
  return groups.filter((group) => group.distribution.high > low);
}

/** Scratch space, grown as needed and reused by every call: this module never yields while it uses it. */
let points = new Float64Array(1024);
let weights = new Float64Array(1024);
let product = new Float64Array(1024);
let cdfs = new Float64Array(8192);
let densities = new Float64Array(8192);

/**
 * ∫ f_i F_i^{m_i − 1} Π_{j≠i} F_j^{m_j} for each group i, m its number of arms. Leaves in the scratch space,
 * for `count` points: {@link points}, weight times Π F in {@link product}, and each group's F and f.
 */
function integrate(
  groups: readonly Group[],
  integrand: Integrand,
): { masses: number[]; count: number } {
  const count = layOutPanels(groups, integrand);
  if (cdfs.length < groups.length * count) {
    cdfs = new Float64Array(groups.length * count * 2);
    densities = new Float64Array(groups.length * count * 2);
  }
  product.set(weights.subarray(0, count));
  groups.forEach(({ distribution, arms }, index) => {
    const offset = index * count;
    distribution.evaluate(points, count, cdfs, densities, offset);
    const multiplicity = arms.length;
    for (let at = 0; at < count; at += 1) {
      // Not 0, so that the division below undoes this factor.
      const cdf = Math.max(cdfs[offset + at] as number, 1e-30);
      cdfs[offset + at] = cdf;
      product[at] = (product[at] as number) * (multiplicity === 1 ? cdf : cdf ** multiplicity);
    }
  });
  const masses = groups.map((_, index) => {
    const offset = index * count;
    let mass = 0;
    for (let at = 0; at < count; at += 1) {
      mass +=
        ((product[at] as number) / (cdfs[offset + at] as number)) *
        (densities[offset + at] as number);
    }
    return mass;
  });
  return { masses, count };
}

/**
 * Fills {@link points} and {@link weights}. Below the largest `low` some factor is 0, above the largest
 * `high` all densities are, so the panels cover what is between. Every arm's support begins at or
 * before the first panel; so a panel is as wide as the narrowest arm whose support has not ended allows. For an
 * expectation no support may end inside a panel: where a heavy tail is cut off, it still counts.
 * @returns the number of points.
 */
function layOutPanels(groups: readonly Group[], integrand: Integrand): number {
  const { nodes, weights: ruleWeights } = gaussLegendre6;
  const end = Math.max(...groups.map((group) => group.distribution.high));
  let start = Math.max(...groups.map((group) => group.distribution.low));
  let count = 0;
  while (start < end) {
    let next = end;
    for (const { distribution } of groups) {
      if (distribution.high > start) {
        next = Math.min(next, start + panelScales[integrand] * distribution.scaleAt(start));
        if (integrand === "expectation") next = Math.min(next, distribution.high);
      }
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
