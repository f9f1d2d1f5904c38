import { alphaDefault, checkAlpha, type LevelOption } from "./comparison.ts";
import { accept, type Result, refuse } from "./result.ts";

export interface HolmDecision {
  /** The p-value after the adjustment, in [0,1]; never below the raw one. */
  readonly adjustedPValue: number;
  /** Whether it is at most alpha. */
  readonly rejected: boolean;
}

/**
 * Holm's step-down adjustment (Holm 1979) for several treatments against one control: the probability of
 * even one false rejection among all is at most alpha, however the p-values depend on each other. With m
 * p-values in ascending order the i-th becomes the largest of (m − j + 1)·p_j, j ≤ i, at most 1.
 * Always-valid p-values stay always valid. Decisions are in the order of the input.
 *
 * Refuses an empty list and anything that is not a probability.
 */
export function holmAdjustment(
  pValues: readonly number[],
  { alpha = alphaDefault }: LevelOption = {},
): Result<readonly HolmDecision[]> {
  const problem = checkAlpha(alpha);
  if (problem !== undefined) return { ok: false, refusal: problem };
  if (pValues.length === 0) return refuse("empty", "there are no p-values to adjust");
  for (const pValue of pValues) {
    if (Number.isNaN(pValue)) return refuse("not_finite", "a p-value is not a number");
    if (!(pValue >= 0 && pValue <= 1)) {
      return refuse("out_of_range", `a p-value must be from 0 to 1, not ${pValue}`);
    }
  }
  const ascending = pValues
    .map((pValue, at) => ({ pValue, at }))
    .sort((a, b) => a.pValue - b.pValue);
  const decisions = new Array<HolmDecision>(pValues.length);
  let adjustedPValue = 0;
  ascending.forEach(({ pValue, at }, rank) => {
    adjustedPValue = Math.min(1, Math.max(adjustedPValue, (pValues.length - rank) * pValue));
    decisions[at] = { adjustedPValue, rejected: adjustedPValue <= alpha };
  });
  return accept(decisions);
}
