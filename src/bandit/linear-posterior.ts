import type { ContextTotals } from "../domain/contribution.ts";

/** Prior of the coefficients. */
export interface LinearPrior {
  /** Of the intercept; every other coefficient's is 0. */
  readonly interceptMean: number;
  readonly interceptVariance: number;
  /** Of every other coefficient. */
  readonly variance: number;
  /** Standard deviation of a reward about its mean, above 0. */
  readonly noiseStandardDeviation: number;
}

/** More evidence than this in one entry is scaled down to it, all entries alike. */
const productMax = 1e15;
const meanMax = 1e100;

/**
 * The posterior N(μ, Σ) of one arm's d coefficients (Agrawal & Goyal 2013, "Thompson sampling for contextual
 * bandits with linear payoffs", algorithm 1, with a prior mean and a known noise σ in place of their v; theirs is one
 * posterior for all arms, here each arm has its own, the disjoint model of Li, Chu, Langford & Schapire 2010):
 *
 *     Σ⁻¹ = D⁻¹ + Σ W·x xᵀ/σ²     Σ⁻¹μ = D⁻¹m + Σ R·x/σ²     D, m: prior variances and means
 *
 * kept as the Cholesky factor L of Σ⁻¹ and L⁻¹(Σ⁻¹μ), so that the mean and variance of x·θ cost one
 * triangular solve. Finite for any finite sums: a pivot is at least the prior's share of it, which is what
 * exact sums would give, and the variance of x·θ at most the prior's.
 */
export class LinearPosterior {
  readonly #size: number;
  readonly #prior: LinearPrior;
  /** L, row by row, d·(d + 1)/2 numbers. */
  readonly #factor: Float64Array;
  /** L⁻¹(Σ⁻¹μ). */
  readonly #solved: Float64Array;
  readonly #work: Float64Array;

  /** @param size d, intercept included. @param totals absent: nothing is known. */
  constructor(size: number, prior: LinearPrior, totals: ContextTotals | undefined) {
    this.#size = size;
    this.#prior = prior;
    this.#work = new Float64Array(size);
    const precision = priorPrecision(size, prior);
    const scaled = precisionOf(totals, size, prior);
    this.#factor = factorise(scaled.products, precision, size);
    const target = scaled.rewards;
    target[0] = (target[0] as number) + (precision[0] as number) * prior.interceptMean;
    this.#solved = solveLower(this.#factor, target, new Float64Array(size));
  }

  /** The distribution of x·θ. @param context d numbers, each within ±10. */
  at(context: readonly number[]): { readonly mean: number; readonly variance: number } {
    const solved = solveLower(this.#factor, context, this.#work);
    let mean = 0;
    let variance = 0;
    for (let at = 0; at < this.#size; at += 1) {
      mean += (solved[at] as number) * (this.#solved[at] as number);
      variance += (solved[at] as number) ** 2;
    }
    const most = this.#priorVariance(context);
    return {
      mean: Number.isNaN(mean)
        ? this.#prior.interceptMean
        : Math.min(Math.max(mean, -meanMax), meanMax),
      variance: variance <= most ? Math.max(variance, Number.MIN_VALUE) : most,
    };
  }

  /** μ, for people. */
  coefficients(): number[] {
    const result: number[] = [];
    const unit = new Array<number>(this.#size).fill(0);
    for (let at = 0; at < this.#size; at += 1) {
      unit[at] = 1;
      result.push(this.at(unit).mean);
      unit[at] = 0;
    }
    return result;
  }

  #priorVariance(context: readonly number[]): number {
    let sum = this.#prior.interceptVariance * (context[0] as number) ** 2;
    for (let at = 1; at < this.#size; at += 1) {
      sum += this.#prior.variance * (context[at] as number) ** 2;
    }
    return sum;
  }
}

function priorPrecision(size: number, prior: LinearPrior): Float64Array {
  const precision = new Float64Array(size).fill(1 / prior.variance);
  precision[0] = 1 / prior.interceptVariance;
  return precision;
}

/** The sums over σ², scaled down together if an entry is too large. */
function precisionOf(
  totals: ContextTotals | undefined,
  size: number,
  prior: LinearPrior,
): { products: Float64Array; rewards: Float64Array } {
  if (totals === undefined) {
    return {
      products: new Float64Array((size * (size + 1)) / 2),
      rewards: new Float64Array(size),
    };
  }
  let factor = 1 / prior.noiseStandardDeviation ** 2;
  let largest = 0;
  for (const product of totals.products) largest = Math.max(largest, Math.abs(product));
  if (largest * factor > productMax) factor = productMax / largest;
  return {
    products: Float64Array.from(totals.products, (product) => product * factor),
    rewards: Float64Array.from(totals.rewards, (reward) => reward * factor),
  };
}

/**
 * The Cholesky factor of `products` plus the diagonal matrix `prior`. @param products upper triangle, row by
 * row. @returns the lower triangle, row by row.
 */
function factorise(products: Float64Array, prior: Float64Array, size: number): Float64Array {
  const factor = new Float64Array(products.length);
  // Column by column: entry (row, column) of the lower triangle is (column, row) of the upper one.
  let from = 0;
  for (let column = 0; column < size; column += 1) {
    const columnStart = (column * (column + 1)) / 2;
    let pivot = (products[from] as number) + (prior[column] as number);
    for (let at = 0; at < column; at += 1) pivot -= (factor[columnStart + at] as number) ** 2;
    // Exact sums would leave at least the prior's precision here; NaN is caught by this too.
    if (!(pivot > (prior[column] as number))) pivot = prior[column] as number;
    const root = Math.sqrt(pivot);
    factor[columnStart + column] = root;
    for (let row = column + 1; row < size; row += 1) {
      const rowStart = (row * (row + 1)) / 2;
      let entry = products[from + row - column] as number;
      for (let at = 0; at < column; at += 1) {
        entry -= (factor[rowStart + at] as number) * (factor[columnStart + at] as number);
      }
      factor[rowStart + column] = entry / root;
    }
    from += size - column;
  }
  return factor;
}

/** Solves L v = `target` into `result`. */
function solveLower(
  factor: Float64Array,
  target: ArrayLike<number>,
  result: Float64Array,
): Float64Array {
  const size = result.length;
  let at = 0;
  for (let row = 0; row < size; row += 1) {
    let value = target[row] as number;
    for (let column = 0; column < row; column += 1) {
      value -= (factor[at] as number) * (result[column] as number);
      at += 1;
    }
    result[row] = value / (factor[at] as number);
    at += 1;
  }
  return result;
}
