import { logBeta } from "../numerics/log-gamma.ts";
import {
  acceptFinite,
  alphaDefault,
  checkAlpha,
  type LevelOption,
  type TwoArms,
} from "./comparison.ts";
import { outOfRange, type Refusal, type Result, refusal } from "./result.ts";

/** An arm whose observations lie in [0,1]. */
export interface BoundedSample {
  /** Observations: a whole number from 1 to 1e12. */
  readonly n: number;
  /** In [0,1]. */
  readonly mean: number;
}

export interface BoundedLook {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided, of this look. */
  readonly pValue: number;
}

/** Both shapes of the Beta mixture (Krichevsky & Trofimov 1981): within ½·ln n of the best rate in hindsight. */
const mixtureShape = 0.5;
const observationsMax = 1e12;
/** Leaves 5e-20 of the unit interval. */
const halvings = 64;
/** Next to 1, where a mean may have to be and rounding would put it on 1. */
const belowOne = 1 - 2 ** -53;

/**
 * Difference of two means of observations in [0,1], treatment − control, at any number of looks and from the first
 * observation on: exact, not asymptotic, and whatever decides which arm is served next, because an arm's next
 * observation does not depend on why it was served. The price is width: it reckons with the spread of 0/1 observations.
 *
 *     M(μ) = B(½ + S, ½ + n − S) / B(½, ½) / (μ^S (1 − μ)^(n − S)),  S = n · mean,
 *
 * is a martingale for 0/1 observations with rate μ (Robbins 1970) and a supermartingale for any others in
 * [0,1] with mean μ, its factors being convex in the observation (Howard, Ramdas, McAuliffe & Sekhon 2021). By
 * Ville's inequality the product of both arms' ever reaches 1/alpha with probability alpha at most. Holds the
 * differences δ with M_T(μ + δ)·M_C(μ) < 1/alpha for some μ; excludes 0 exactly when the p-value of this look,
 * 1 / min_μ M_T(μ)·M_C(μ), is at most alpha.
 */
export function boundedDifferenceSequence(
  arms: TwoArms<BoundedSample>,
  { alpha = alphaDefault }: LevelOption = {},
): Result<BoundedLook & { readonly controlN: number; readonly treatmentN: number }> {
  const { control, treatment } = arms;
  const problem =
    checkAlpha(alpha) ??
    checkSample(control, "the control") ??
    checkSample(treatment, "the treatment");
  if (problem !== undefined) return { ok: false, refusal: problem };
  const estimate = treatment.mean - control.mean;
  const excess = (delta: number): number => leastLogMartingale(arms, delta) + Math.log(alpha);
  return acceptFinite({
    estimate,
    low: lastInside(excess, estimate, -1),
    high: lastInside(excess, estimate, 1),
    pValue: Math.min(1, Math.exp(-leastLogMartingale(arms, 0))),
    controlN: control.n,
    treatmentN: treatment.n,
  });
}

/** ln M(μ). Infinity where μ makes the observations impossible. */
function logMartingale({ n, mean }: BoundedSample, mu: number): number {
  const successes = n * mean;
  const failures = n * (1 - mean);
  const mixture =
    logBeta(mixtureShape + successes, mixtureShape + failures) -
    logBeta(mixtureShape, mixtureShape);
  return mixture - timesLog(successes, mu) - timesLog(failures, 1 - mu);
}

/** weight · ln x, with 0 · ln 0 = 0. */
function timesLog(weight: number, x: number): number {
  return weight === 0 ? 0 : weight * Math.log(x);
}

/**
 * min over μ of ln M_T(μ + δ) + ln M_C(μ), which is convex in μ: where its slope changes sign. Reckoned in the
 * smaller of the two means, which keeps its digits near 0.
 */
function leastLogMartingale({ control, treatment }: TwoArms<BoundedSample>, delta: number): number {
  const gap = Math.abs(delta);
  const [lower, upper] = delta > 0 ? [control, treatment] : [treatment, control];
  const slope = ({ n, mean }: BoundedSample, mu: number): number =>
    (n * (1 - mean)) / (1 - mu) - (n * mean) / mu;
  let low = 0;
  let high = 1 - gap;
  for (let step = 0; step < halvings; step += 1) {
    const middle = (low + high) / 2;
    if (slope(lower, middle) + slope(upper, middle + gap) > 0) high = middle;
    else low = middle;
  }
  const mu = Math.min((low + high) / 2, belowOne);
  return logMartingale(lower, mu) + logMartingale(upper, Math.min(mu + gap, belowOne));
}

/** The point furthest from `inside` towards `end` at which the convex function is still below 0. */
function lastInside(excess: (value: number) => number, inside: number, end: number): number {
  if (excess(end) < 0) return end;
  let near = inside;
  let far = end;
  for (let step = 0; step < halvings; step += 1) {
    const middle = (near + far) / 2;
    if (excess(middle) < 0) near = middle;
    else far = middle;
  }
  // The outer one: an interval may be wider by a rounding, never narrower.
  return far;
}

function checkUnit(value: number, name: string): Refusal | undefined {
  if (value >= 0 && value <= 1) return undefined;
  return Number.isFinite(value)
    ? outOfRange(`${name} must be from 0 to 1, not ${value}`)
    : refusal("not_finite", `${name} must be a finite number, not ${value}`);
}

function checkSample({ n, mean }: BoundedSample, name: string): Refusal | undefined {
  if (n === 0) return refusal("empty", `${name} has no observations`);
  if (!Number.isFinite(n)) return refusal("not_finite", `the n of ${name} is ${n}`);
  if (!Number.isInteger(n) || n < 0 || n > observationsMax) {
    return outOfRange(`the n of ${name} must be a whole number up to ${observationsMax}, not ${n}`);
  }
  return checkUnit(mean, `the mean of ${name}`);
}
