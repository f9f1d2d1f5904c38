import type { ObservationRange } from "./confidence-sequence.ts";
import { outOfRange, type Refusal, refusal } from "./result.ts";

/** A decision as the log has it: the whole vector it was drawn from, and the arm drawn. */
export interface LoggedDecision {
  /** Probability of each arm, 0 for one that could not be served; adds up to 1 within 1e-6. */
  readonly propensities: ArrayLike<number>;
  /** Index of the arm that was served; its propensity is above 0. */
  readonly arm: number;
}

/** A decision and its reward. */
export interface RewardedDecision extends LoggedDecision {
  readonly reward: number;
}

/** How far a logged vector may be from 1 in sum. */
const propensitySumTolerance = 1e-6;
/** More arms than a service has; keeps what an accumulator remembers within bounds. */
const armCountMax = 1000;

/** Why an accumulator for these arms cannot be; undefined if it can. */
export function checkArms(arms: readonly string[]): Refusal | undefined {
  if (arms.length < 2) {
    return refusal("too_few", `a comparison needs two arms, not ${arms.length}`);
  }
  if (arms.length <= armCountMax) return undefined;
  return outOfRange(`${arms.length} arms are more than ${armCountMax}`);
}

/** Why an index names none of the arms; undefined if it does. */
export function checkArm(arm: number, arms: readonly string[]): Refusal | undefined {
  if (Number.isInteger(arm) && arm >= 0 && arm < arms.length) return undefined;
  return refusal("unknown_arm", `there is no arm ${arm} among ${arms.length}`);
}

/** The fault of a logged decision; undefined if there is none. */
export function checkDecision(
  { propensities, arm }: LoggedDecision,
  arms: readonly string[],
): Refusal | undefined {
  if (propensities.length !== arms.length) {
    return refusal("unknown_arm", `${propensities.length} propensities for ${arms.length} arms`);
  }
  const problem = checkArm(arm, arms);
  if (problem !== undefined) return problem;
  let sum = 0;
  for (let index = 0; index < arms.length; index += 1) {
    const propensity = propensities[index] as number;
    if (!Number.isFinite(propensity)) {
      return refusal("not_finite", `the propensity of ${arms[index]} is ${propensity}`);
    }
    if (propensity < 0 || propensity > 1 + propensitySumTolerance) {
      return refusal(
        "bad_propensity",
        `the propensity of ${arms[index]} is ${propensity}, not from 0 to 1`,
      );
    }
    sum += propensity;
  }
  if (Math.abs(sum - 1) > propensitySumTolerance) {
    return refusal("bad_propensity", `the propensities add up to ${sum} and not to 1`);
  }
  if (propensities[arm] === 0) {
    return refusal("bad_propensity", `${arms[arm]} was served with a propensity of 0`);
  }
  return undefined;
}

/** The fault of a reward that is no number or beyond its range; undefined if there is none. */
export function checkReward(reward: number, range: ObservationRange): Refusal | undefined {
  if (!Number.isFinite(reward)) {
    return refusal("not_finite", `the reward is ${reward}`);
  }
  if (range === "unbounded" || (reward >= range.low && reward <= range.high)) return undefined;
  return outOfRange(
    `the reward ${reward} is not from ${range.low} to ${range.high}; only an unbounded comparison allows that`,
  );
}

/** An arm's propensity in a vector that has passed {@link checkDecision}: at most 1, which rounding may have left. */
export function propensityOf(propensities: ArrayLike<number>, arm: number): number {
  return Math.min(1, propensities[arm] as number);
}

/** The refusal, with the place of the decision in the log. `index` counts from 0. */
export function atDecision(index: number, refusal: Refusal): Refusal {
  return { reason: refusal.reason, message: `decision ${index}: ${refusal.message}` };
}
