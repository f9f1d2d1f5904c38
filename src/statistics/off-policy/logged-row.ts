import { type Refusal, refusal } from "../result.ts";

/** One served task of a log, with its reward. */
export interface LoggedRow {
  /** The context cell it fell into: rows with equal labels are told apart by nothing but the arm. */
  readonly context: string;
  /** The arm that was served. */
  readonly arm: string;
  /** Probability with which it was served, (0,1]. */
  readonly propensity: number;
  /** Any finite number; banditd's own are in [0,1]. */
  readonly reward: number;
}

/**
 * An arm that was served with a probability below this is evidence of a wrong propensity, not of luck: a draw
 * has 53 random bits.
 */
const propensityMin = 1e-30;
/** Probabilities that were added up may end this far above 1. */
const rounding = 1e-9;

/** Why a row cannot be used; undefined if it can. @param number counted from 1, for the message */
export function checkRow(row: LoggedRow, number: number): Refusal | undefined {
  const { propensity, reward } = row;
  if (!(propensity >= propensityMin && propensity <= 1 + rounding)) {
    return refusal(
      "bad_propensity",
      `row ${number}: an arm was served with the stated probability ${propensity}, which is not in (0,1]`,
    );
  }
  if (Number.isFinite(reward)) return undefined;
  return refusal("not_finite", `row ${number}: the reward is ${reward}`);
}
