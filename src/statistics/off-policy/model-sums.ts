import type { ContextSums } from "./context-sums.ts";
import type { CellModel, RewardModel } from "./reward-model.ts";
import { withoutRounding } from "./weight-moments.ts";

/** What a pass over the sums gives for the direct method and for corrections to it. */
export interface ModelSums {
  /** Direct method: mean over the rows of v = Σ over arms of share · q̂, with the model of the row's fold left out. */
  readonly value: number;
  /** Σ over rows of (v − value)². */
  readonly valueSquares: number;
  /**
   * Variance of the direct method for given contexts and arms: it is linear in the rewards, Σ c·r, and each
   * reward's variance is measured by its squared distance from the model that has not seen it: Σ c²(r − q̂)².
   */
  readonly rewardVariance: number;
  /** By weight bin: Σ w(r − q̂). */
  readonly corrections: Float64Array;
  /** By weight bin: how much Σ(t − value)² grows when the rows' terms t = v + w(r − q̂) replace t = v. */
  readonly correctionSquares: Float64Array;
  /** Share of the candidate's probability, over the rows, on (context, arm) pairs that were never served. */
  readonly unservedShare: number;
}

interface Cell {
  readonly context: ContextSums;
  readonly models: readonly CellModel[];
}

export function modelSums(input: {
  readonly contexts: readonly ContextSums[];
  readonly model: RewardModel;
  readonly armCount: number;
  /** Rows of the log, at least 1. */
  readonly rows: number;
  readonly binCount: number;
}): ModelSums {
  const { contexts, model, rows } = input;
  let total = 0;
  let unserved = 0;
  const viaArmMean = new Float64Array(input.armCount * model.folds);
  for (const context of contexts) {
    const cell: Cell = { context, models: model.modelsOf(context) };
    cell.models.forEach((own, fold) => {
      total += (context.foldRows[fold] as number) * own.value;
    });
    unserved += unservedRows(context);
    addInfluenceOfArmMeans(cell, model, viaArmMean);
  }
  const value = total / rows;

  let valueSquares = 0;
  let rewardVariance = 0;
  const corrections = new Float64Array(input.binCount);
  const correctionSquares = new Float64Array(input.binCount);
  for (const context of contexts) {
    const cell: Cell = { context, models: model.modelsOf(context) };
    cell.models.forEach((own, fold) => {
      const away = withoutRounding((own.value - value) ** 2, (value * 1e-6) ** 2);
      valueSquares += (context.foldRows[fold] as number) * away;
    });
    for (const group of context.groups()) {
      const own = cell.models[group.fold] as CellModel;
      const mean = own.means[group.arm] as number;
      const influence = influenceOf(cell, group, viaArmMean) / rows;
      const errors = squaresAbout(mean, {
        count: group.rows,
        sum: group.reward,
        squares: group.rewardSquares,
      });
      rewardVariance += influence ** 2 * errors;
      const correction = group.weightReward - mean * group.weight;
      const squares = squaresAbout(mean, {
        count: group.weightSquares,
        sum: group.weightSquaresReward,
        squares: group.weightSquaresRewardSquares,
      });
      (corrections[group.bin] as number) += correction;
      (correctionSquares[group.bin] as number) += 2 * (own.value - value) * correction + squares;
    }
  }
  return {
    value,
    valueSquares,
    rewardVariance,
    corrections,
    correctionSquares,
    unservedShare: unserved / rows,
  };
}

/** Σ c(r − mean)² from Σc, Σcr and Σcr². */
function squaresAbout(
  mean: number,
  sums: { readonly count: number; readonly sum: number; readonly squares: number },
): number {
  const own = sums.squares + mean * mean * sums.count;
  return withoutRounding(own - 2 * mean * sums.sum, own);
}

/** The rows of a cell times the candidate's probability on arms that were never served in it. */
function unservedRows(context: ContextSums): number {
  const served = new Set(Array.from(context.groups(), (group) => group.arm));
  const share = context.shares.reduce((sum, each, arm) => (served.has(arm) ? sum : sum + each), 0);
  return share * context.foldRows.reduce((sum, each) => sum + each, 0);
}

/** How much the estimate's sum grows with a reward of an (arm, fold) through the arm's mean, whatever its cell. */
function addInfluenceOfArmMeans(cell: Cell, model: RewardModel, into: Float64Array): void {
  cell.models.forEach((own, left) => {
    const cellRows = cell.context.foldRows[left] as number;
    cell.context.shares.forEach((share, arm) => {
      const armRows = model.armRowsWithout(arm, left);
      if (share === 0 || armRows === 0) return;
      const influence =
        (cellRows * share * model.shrinkage) / ((own.divisors[arm] as number) * armRows);
      for (let fold = 0; fold < model.folds; fold += 1) {
        if (fold !== left) (into[arm * model.folds + fold] as number) += influence;
      }
    });
  });
}

/** How much the estimate's sum grows with a reward of this (cell, arm, fold): through the cell and through the arm. */
function influenceOf(
  cell: Cell,
  at: { readonly arm: number; readonly fold: number },
  viaArmMean: Float64Array,
): number {
  const share = cell.context.shares[at.arm] as number;
  let influence = viaArmMean[at.arm * cell.models.length + at.fold] as number;
  cell.models.forEach((own, left) => {
    if (left === at.fold) return;
    const cellRows = cell.context.foldRows[left] as number;
    influence += (cellRows * share) / (own.divisors[at.arm] as number);
  });
  return influence;
}
