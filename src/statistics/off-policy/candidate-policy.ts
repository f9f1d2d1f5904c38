import { outOfRange, type Refusal } from "../result.ts";

/** The policy whose value is asked for: fixed probabilities in every context cell. */
export interface CandidatePolicy {
  /** Every arm it may serve, each once. */
  readonly arms: readonly string[];
  /**
   * Probability of each of `arms` in a context cell, adding up to 1; undefined when the policy says nothing
   * about that cell. Asked once for every cell of the log.
   */
  sharesIn(context: string): readonly number[] | undefined;
}

/** Shares may miss 1 by this for every arm: decimal fractions that were rounded in the last digit of a float64. */
export const shareRounding = 1e-9;

/** Why shares are no probability distribution; undefined if they are one. */
export function checkShares(shares: readonly number[], name: string): Refusal | undefined {
  let sum = 0;
  for (const share of shares) {
    if (!(share >= 0 && share <= 1 + shareRounding)) {
      return outOfRange(`${name}: a share is ${share}, not in [0,1]`);
    }
    sum += share;
  }
  if (Math.abs(sum - 1) <= shareRounding * shares.length) return undefined;
  return outOfRange(`${name}: the shares add up to ${sum}, not to 1`);
}
