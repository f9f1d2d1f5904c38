import type { VariantId } from "../domain/ids.ts";

/** The distribution that stands for what is believed of an arm's mean reward. */
export type ArmBelief =
  | { readonly kind: "beta"; readonly alpha: number; readonly beta: number }
  | {
      /** The mean is a Student t with 2·shape degrees of freedom around `mean`; see `NormalInverseGamma`. */
      readonly kind: "normal_inverse_gamma";
      readonly mean: number;
      readonly strength: number;
      readonly shape: number;
      readonly scale: number;
    }
  | {
      /** Normal, for one context. */
      readonly kind: "linear";
      /** Means of the intercept and of each feature's coefficient, in the policy's order. */
      readonly coefficients: readonly number[];
      /** Of the mean reward at the context. */
      readonly standardDeviation: number;
    };

/** What is believed of one arm, and how it compares with the others. */
export interface ArmAssessment {
  readonly belief: ArmBelief;
  /** Mean of the belief: the reward that the arm is expected to give. */
  readonly mean: number;
  /** Central 95 % interval of the mean reward. */
  readonly intervalLow: number;
  readonly intervalHigh: number;
  /** Probability that this arm has the largest mean; adds up to 1 over the arms. */
  readonly bestProbability: number;
  /**
   * E[max_j θ_j − θ_i], reward that serving only this arm is expected to lose against the best one; ≥ 0. Absent
   * when the beliefs are so vague that they have no mean (a Student t with one degree of freedom).
   */
  readonly expectedLoss?: number;
}

/** The belief about one arm, for people. */
export interface ArmPosterior extends ArmAssessment {
  readonly variantId: VariantId;
  /** Generations that contributed, however much of them is forgotten. */
  readonly generations: number;
  /** What they still count: Σ of their weights after forgetting. */
  readonly effectiveWeight: number;
  /** Σ of their rewards after forgetting. */
  readonly effectiveReward: number;
}
