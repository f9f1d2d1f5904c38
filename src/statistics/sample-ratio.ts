import { chiSquareSf } from "../numerics/chi-square.ts";
import { logGamma } from "../numerics/log-gamma.ts";
import { acceptFinite, checkAlpha, type LevelOption } from "./comparison.ts";
import { outOfRange, type Refusal, type Result, refusal, refuse } from "./result.ts";

export interface ArmCount {
  /** Units that were seen in this arm. */
  readonly count: number;
  /** Share of the units this arm should get, in (0,1). The shares of all arms add up to 1. */
  readonly share: number;
}

export interface SampleRatio {
  readonly pValue: number;
  /** Whether the p-value is below alpha: assignment or logging is broken, and no effect is to be believed. */
  readonly mismatch: boolean;
  readonly total: number;
}

export interface ChiSquareSampleRatio extends SampleRatio {
  readonly statistic: number;
  readonly degreesOfFreedom: number;
}

/**
 * The level if none is given. Stricter than that of a test for an effect: at 0.05 one sound experiment in
 * twenty would be thrown away, and a real mismatch is rarely a close call (Fabijan et al. 2019).
 */
export const sampleRatioAlphaDefault = 0.001;

/** Below this the chi-square distribution is not to be trusted (Cochran 1954). */
const expectedCountMin = 5;
/** How far the shares may be from 1 in sum: they are written by people, as decimals. */
const shareSumTolerance = 1e-6;

/**
 * How closely the alternatives of the sequence surround the stated shares: one for tens of units, one for
 * thousands, one for hundreds of thousands. At any number of units from 100 to a million a mismatch must be at
 * most 8 % larger than with a concentration made for that number; with 200 alone, 55 % larger at 100 units.
 */
const concentrations = [10, 300, 10_000] as const;
const sequenceUnitsMax = 1e12;

/**
 * Pearson's chi-square test of the units seen in each arm against fixed shares, for a count that is looked
 * at once. `alpha` is 0.001 if not given.
 *
 * Refuses fewer than two arms, counts that are not whole, shares outside (0,1) or that do not add up to 1,
 * and an expected count below 5. Not for bandit traffic: there the shares move.
 */
export function sampleRatioTest(
  arms: readonly ArmCount[],
  { alpha = sampleRatioAlphaDefault }: LevelOption = {},
): Result<ChiSquareSampleRatio> {
  const problem = checkAlpha(alpha) ?? checkArms(arms);
  if (problem !== undefined) return { ok: false, refusal: problem };
  const total = sumOf(arms, "count");
  const shareSum = sumOf(arms, "share");
  const least = total * Math.min(...arms.map((arm) => arm.share / shareSum));
  if (least < expectedCountMin) {
    return refuse(
      "too_few",
      `an arm is expected to have ${least.toFixed(1)} of ${total} units; the test needs ${expectedCountMin}`,
    );
  }
  const statistic = arms.reduce((sum, { count, share }) => {
    const expected = (total * share) / shareSum;
    return sum + ((count - expected) / expected) * (count - expected);
  }, 0);
  const degreesOfFreedom = arms.length - 1;
  const pValue = chiSquareSf(statistic, degreesOfFreedom);
  return acceptFinite({ pValue, mismatch: pValue < alpha, total, statistic, degreesOfFreedom });
}

/**
 * The same question, for counts that are looked at as often as one likes: the probability to ever see a
 * p-value below alpha while the shares are kept is at most alpha (Lindon & Malek 2022). The p-value is 1/B, at
 * most 1, with B the mean, over three values of a, of the Bayes factor of shares that vary around the stated
 * ones (Dirichlet, a_i = a · share_i):
 *
 *     B_a = Γ(a) / Γ(a + n) · Π_i Γ(a_i + n_i) / Γ(a_i) · share_i^(−n_i)
 *
 * It is the p-value of this look; a caller that looks again keeps the smallest. Needs no minimum count, but finds
 * less than {@link sampleRatioTest} does at a single look. `alpha` is 0.001 if not given. Refuses what that
 * refuses except small counts, and more than 1e12 units, where the factors lose their digits.
 */
export function sampleRatioSequence(
  arms: readonly ArmCount[],
  { alpha = sampleRatioAlphaDefault }: LevelOption = {},
): Result<SampleRatio> {
  const problem = checkAlpha(alpha) ?? checkArms(arms);
  if (problem !== undefined) return { ok: false, refusal: problem };
  const total = sumOf(arms, "count");
  if (total > sequenceUnitsMax) {
    return refuse("out_of_range", `${total} units are more than ${sequenceUnitsMax}`);
  }
  const logFactors = concentrations.map((concentration) => logBayesFactor(arms, concentration));
  // Divided by the largest, so that none overflows.
  const largest = Math.max(...logFactors);
  const mean =
    logFactors.reduce((sum, one) => sum + Math.exp(one - largest), 0) / logFactors.length;
  const pValue = Math.min(1, Math.exp(-largest) / mean);
  return acceptFinite({ pValue, mismatch: pValue < alpha, total });
}

function logBayesFactor(arms: readonly ArmCount[], concentration: number): number {
  const shareSum = sumOf(arms, "share");
  return arms.reduce(
    (sum, { count, share }) => {
      const expectedShare = share / shareSum;
      const shape = concentration * expectedShare;
      return sum + logGamma(shape + count) - logGamma(shape) - count * Math.log(expectedShare);
    },
    logGamma(concentration) - logGamma(concentration + sumOf(arms, "count")),
  );
}

function sumOf(arms: readonly ArmCount[], part: keyof ArmCount): number {
  return arms.reduce((sum, arm) => sum + arm[part], 0);
}

function checkArms(arms: readonly ArmCount[]): Refusal | undefined {
  if (arms.length < 2) {
    return refusal("too_few", `a ratio needs two arms, not ${arms.length}`);
  }
  for (const { count, share } of arms) {
    if (!Number.isFinite(count) || !Number.isFinite(share)) {
      return refusal("not_finite", "a count or a share is not a finite number");
    }
    if (!Number.isSafeInteger(count) || count < 0) {
      return outOfRange(`a count must be a whole number, not ${count}`);
    }
    if (!(share > 0 && share < 1)) {
      return outOfRange(`a share must be between 0 and 1, not ${share}`);
    }
  }
  const sum = sumOf(arms, "share");
  if (Math.abs(sum - 1) > shareSumTolerance) {
    return outOfRange(`the shares add up to ${sum} and not to 1`);
  }
  if (arms.every(({ count }) => count === 0)) {
    return refusal("empty", "no arm has any units");
  }
  return undefined;
}
