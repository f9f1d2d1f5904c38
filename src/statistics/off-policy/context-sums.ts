/**
 * Sums over the rows of one (context cell, arm, fold, weight bin), with w = candidate share / propensity and the
 * reward r shifted by a constant. They are all that the direct method, doubly robust and switch-DR need.
 */
export interface GroupSums {
  /** Index into the candidate policy's arms. */
  readonly arm: number;
  readonly fold: number;
  readonly bin: number;
  rows: number;
  reward: number;
  rewardSquares: number;
  weight: number;
  weightReward: number;
  weightSquares: number;
  weightSquaresReward: number;
  weightSquaresRewardSquares: number;
}

/** The rows of one context cell, summed up. */
export class ContextSums {
  /** Probability of each of the candidate's arms here. */
  readonly shares: readonly number[];
  /** Rows in each fold, whatever the arm. */
  readonly foldRows: Float64Array;
  readonly #groups = new Map<number, GroupSums>();

  constructor(shares: readonly number[], folds: number) {
    this.shares = shares;
    this.foldRows = new Float64Array(folds);
  }

  /** @returns true when the row began a new group. */
  add(row: {
    readonly arm: number;
    readonly fold: number;
    readonly bin: number;
    readonly weight: number;
    readonly reward: number;
  }): boolean {
    const { arm, fold, bin, weight, reward } = row;
    const key = (arm * this.foldRows.length + fold) * 64 + bin;
    let group = this.#groups.get(key);
    const isNew = group === undefined;
    if (group === undefined) {
      group = {
        arm,
        fold,
        bin,
        rows: 0,
        reward: 0,
        rewardSquares: 0,
        weight: 0,
        weightReward: 0,
        weightSquares: 0,
        weightSquaresReward: 0,
        weightSquaresRewardSquares: 0,
      };
      this.#groups.set(key, group);
    }
    const weightReward = weight * reward;
    group.rows += 1;
    group.reward += reward;
    group.rewardSquares += reward * reward;
    group.weight += weight;
    group.weightReward += weightReward;
    group.weightSquares += weight * weight;
    group.weightSquaresReward += weight * weightReward;
    group.weightSquaresRewardSquares += weightReward * weightReward;
    return isNew;
  }

  groups(): Iterable<GroupSums> {
    return this.#groups.values();
  }
}
