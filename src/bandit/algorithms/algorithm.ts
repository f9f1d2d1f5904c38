import type { RewardTotals } from "../../domain/contribution.ts";
import type { ArmAssessment } from "../arm-posterior.ts";

/** What is known of one arm. */
export interface ArmEvidence {
  /** As they count now. Sums of any size, also slightly impossible ones. */
  readonly totals: RewardTotals;
  /** Prior learned from elsewhere, worth α + β observations; absent: the policy's own. */
  readonly prior?: { readonly alpha: number; readonly beta: number };
}

/**
 * From what is known of the arms to shares. The shares depend on what was set last alone, never on the order
 * or number of changes that led to it; what is kept between calls only saves work.
 */
export interface BanditAlgorithm {
  /** Every arm must be set before anything is asked. */
  setArm(arm: number, evidence: ArmEvidence): void;
  /**
   * One share per arm, before the exploration budget: each ≥ 0, adding up to 1, equal for equal arms.
   * @param context what `contextOf` made of the request; only a contextual algorithm looks at it.
   */
  shares(context: readonly number[] | undefined): Float64Array;
  /** Milliseconds of work for a hundred arms: for views, not for the hot path. */
  assess(context: readonly number[] | undefined): ArmAssessment[];
}
