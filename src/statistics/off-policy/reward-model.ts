import type { ContextSums } from "./context-sums.ts";

/** What the model says about one context cell, learned without the rows of one fold. */
export interface CellModel {
  /** Mean reward of the candidate policy in the cell: Σ over arms of share · q̂. */
  readonly value: number;
  /** q̂ of each arm. */
  readonly means: Float64Array;
  /** Rows the mean of each arm rests on, plus the shrinkage: the divisor of q̂. */
  readonly divisors: Float64Array;
}

/**
 * Tabular reward model, cross-fitted. Without fold k, the mean reward of arm a in context cell x is
 *
 *   q̂₋ₖ(x,a) = (S₋ₖ(x,a) + λ·m₋ₖ(a)) / (n₋ₖ(x,a) + λ)
 *
 * with S and n the sum of rewards and the number of rows, and m(a) the arm's mean over all cells: the cell's own
 * mean, drawn towards the arm's as if λ rows of that mean had been seen. An arm without a row outside the fold
 * takes the mean of all rows outside it. A row is only ever compared with a model that has not seen its fold
 * (Chernozhukov et al. 2018, "Double/debiased machine learning", definition 3.2), so a model that follows its
 * own noise biases nothing.
 */
export class RewardModel {
  readonly folds: number;
  /** λ, in rows. */
  readonly shrinkage: number;
  readonly #armCount: number;
  /** Rows of each arm outside each fold, by arm · folds + fold. */
  readonly #armRows: Float64Array;
  /** m₋ₖ(a), by arm · folds + fold. */
  readonly #armMeans: Float64Array;

  constructor(input: {
    readonly contexts: Iterable<ContextSums>;
    readonly armCount: number;
    /** Rows and rewards of each fold, over every arm of the log. */
    readonly foldRows: Float64Array;
    readonly foldRewards: Float64Array;
    readonly shrinkage: number;
  }) {
    this.folds = input.foldRows.length;
    this.shrinkage = input.shrinkage;
    this.#armCount = input.armCount;
    const rows = new Float64Array(input.armCount * this.folds);
    const rewards = new Float64Array(input.armCount * this.folds);
    for (const context of input.contexts) addUp(context, { rows, rewards, folds: this.folds });
    const otherRows = withoutEach(input.foldRows, this.folds);
    const otherRewards = withoutEach(input.foldRewards, this.folds);
    this.#armRows = withoutEach(rows, this.folds);
    this.#armMeans = withoutEach(rewards, this.folds).map((reward, at) => {
      const armRows = this.#armRows[at] as number;
      if (armRows > 0) return reward / armRows;
      const others = otherRows[at % this.folds] as number;
      return others > 0 ? (otherRewards[at % this.folds] as number) / others : 0;
    });
  }

  /** Rows of an arm outside a fold. */
  armRowsWithout(arm: number, fold: number): number {
    return this.#armRows[arm * this.folds + fold] as number;
  }

  /** The models of one cell, one for each fold that is left out. */
  modelsOf(context: ContextSums): readonly CellModel[] {
    const { folds, shrinkage } = this;
    const inFold = {
      rows: new Float64Array(this.#armCount * folds),
      rewards: new Float64Array(this.#armCount * folds),
      folds,
    };
    addUp(context, inFold);
    const rows = withoutEach(inFold.rows, folds);
    const rewards = withoutEach(inFold.rewards, folds);
    return Array.from({ length: folds }, (_, fold) => {
      const means = new Float64Array(this.#armCount);
      const divisors = new Float64Array(this.#armCount);
      let value = 0;
      for (let arm = 0; arm < this.#armCount; arm += 1) {
        const at = arm * folds + fold;
        const divisor = (rows[at] as number) + shrinkage;
        const mean =
          ((rewards[at] as number) + shrinkage * (this.#armMeans[at] as number)) / divisor;
        means[arm] = mean;
        divisors[arm] = divisor;
        value += (context.shares[arm] as number) * mean;
      }
      return { value, means, divisors };
    });
  }
}

function addUp(
  context: ContextSums,
  into: { readonly rows: Float64Array; readonly rewards: Float64Array; readonly folds: number },
): void {
  for (const group of context.groups()) {
    const at = group.arm * into.folds + group.fold;
    (into.rows[at] as number) += group.rows;
    (into.rewards[at] as number) += group.reward;
  }
}

/** For every run of `folds` values: their sum without each of them. */
function withoutEach(values: Float64Array, folds: number): Float64Array {
  const result = new Float64Array(values.length);
  for (let start = 0; start < values.length; start += folds) {
    for (let left = start; left < start + folds; left += 1) {
      let sum = 0;
      for (let at = start; at < start + folds; at += 1) {
        if (at !== left) sum += values[at] as number;
      }
      result[left] = sum;
    }
  }
  return result;
}
