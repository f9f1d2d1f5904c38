import { BestProbability, BestStudentT } from "../numerics/best-probability.ts";
import { accept, outOfRange, type Refusal, type Result, refusal } from "./result.ts";

/** How one arm compares with all others. */
export interface BestArmResult {
  /** Probability that its mean is the largest, [0,1]; adds up to 1 over the arms. Off by at most 1e-6. */
  readonly bestProbability: number;
  /**
   * E[max_j θ_j − θ_i], what choosing this arm is expected to lose against the best one; ≥ 0. Off by at most 1e-6
   * of the largest standard deviation or of the distance between the arms, whichever is more.
   */
  readonly expectedLoss: number;
}

/** More arms are refused: the errors promised hold up to here. */
const armsMax = 100;
const shapeMin = 0.5;
const shapeMax = 1e12;
const magnitudeMax = 1e100;

/**
 * P(best) and expected loss of independent Beta posteriors, by quadrature (`BestProbability`; the decision rule
 * on the expected loss: Stucchio 2015, "Bayesian A/B testing at VWO").
 * @param arms 2 to 100 posteriors with shapes from 0.5 to 1e12. @returns one entry for each, in their order.
 */
export function bestArmBeta(
  arms: readonly { readonly alpha: number; readonly beta: number }[],
): Result<BestArmResult[]> {
  const refusal =
    checkCount(arms) ??
    firstRefusal(
      arms,
      ({ alpha, beta }, arm) =>
        checkNumber(alpha, { name: `alpha of arm ${arm}`, min: shapeMin, max: shapeMax }) ??
        checkNumber(beta, { name: `beta of arm ${arm}`, min: shapeMin, max: shapeMax }),
    );
  if (refusal !== undefined) return { ok: false, refusal };
  const best = new BestProbability(arms.length);
  arms.forEach((shape, arm) => {
    best.setArm(arm, shape);
  });
  return accept(combine(best.probabilities(), best.expectedLosses()));
}

/**
 * P(best) and expected loss of independent normal posteriors, such as means with their standard errors.
 * @param arms 2 to 100; means within ±1e100, standard deviations above 0 and at most 1e100, and none below 1e-12
 * of its mean, where a float64 could not tell it from 0. @returns one entry for each, in their order.
 */
export function bestArmNormal(
  arms: readonly { readonly mean: number; readonly standardDeviation: number }[],
): Result<BestArmResult[]> {
  const refusal = checkCount(arms) ?? firstRefusal(arms, checkNormal);
  if (refusal !== undefined) return { ok: false, refusal };
  const best = new BestStudentT(arms.length);
  arms.forEach(({ mean, standardDeviation }, arm) => {
    best.setArm(arm, {
      location: mean,
      scale: standardDeviation,
      degreesOfFreedom: Number.POSITIVE_INFINITY,
    });
  });
  return accept(combine(best.probabilities(), best.expectedLosses()));
}

function combine(best: Float64Array, losses: Float64Array): BestArmResult[] {
  return Array.from(best, (bestProbability, arm) => ({
    bestProbability,
    expectedLoss: losses[arm] as number,
  }));
}

function checkCount(arms: readonly unknown[]): Refusal | undefined {
  if (arms.length === 0) return refusal("empty", "there are no arms");
  if (arms.length === 1) return refusal("too_few", "one arm has no other arm to be compared with");
  if (arms.length <= armsMax) return undefined;
  return outOfRange(`there may be ${armsMax} arms at most, not ${arms.length}`);
}

function checkNormal(
  { mean, standardDeviation }: { readonly mean: number; readonly standardDeviation: number },
  arm: number,
): Refusal | undefined {
  const name = `standard deviation of arm ${arm}`;
  const problem =
    checkNumber(mean, { name: `mean of arm ${arm}`, min: -magnitudeMax, max: magnitudeMax }) ??
    checkNumber(standardDeviation, { name, min: 0, max: magnitudeMax });
  if (problem !== undefined) return problem;
  if (standardDeviation > Math.abs(mean) * 1e-12 && standardDeviation > 1e-100) return undefined;
  return refusal("zero_variance", `the ${name} is 0, or too small beside its mean to compute with`);
}

function firstRefusal<Arm>(
  arms: readonly Arm[],
  check: (arm: Arm, index: number) => Refusal | undefined,
): Refusal | undefined {
  for (const [index, arm] of arms.entries()) {
    const problem = check(arm, index);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function checkNumber(
  value: number,
  range: { readonly name: string; readonly min: number; readonly max: number },
): Refusal | undefined {
  const { name, min, max } = range;
  if (!Number.isFinite(value)) {
    return refusal("not_finite", `the ${name} is not a finite number`);
  }
  if (value >= min && value <= max) return undefined;
  return outOfRange(`the ${name} must be from ${min} to ${max}, not ${value}`);
}
