import { normalSf, normalUpperQuantile } from "../numerics/normal.ts";
import { accept, outOfRange, type Refusal, type Result, refusal, refuse } from "./result.ts";

/** Samples of the two arms that are compared. An effect is always treatment against control. */
export interface TwoArms<Summary> {
  readonly control: Summary;
  readonly treatment: Summary;
}

export interface LevelOption {
  /** Probability of a false alarm, in (0,1). The interval covers with 1 − alpha. 0.05 if not given. */
  readonly alpha?: number;
}

/** An effect with its uncertainty. Every number is finite; low ≤ estimate ≤ high. */
export interface Estimate {
  readonly estimate: number;
  /** Ends of the interval at level 1 − alpha. */
  readonly low: number;
  readonly high: number;
  /** In units of the estimate; above 0. */
  readonly standardError: number;
  /** Two-sided, in [0,1], against "no effect". */
  readonly pValue: number;
}

export interface Comparison extends Estimate {
  /** Observations in each arm. */
  readonly controlN: number;
  readonly treatmentN: number;
}

export const alphaDefault = 0.05;

/** estimate ± z·SE, z the normal quantile that leaves alpha/2 on each side. */
export function normalInterval(
  { estimate, standardError }: Pick<Estimate, "estimate" | "standardError">,
  alpha: number,
): Omit<Estimate, "pValue"> {
  const margin = normalUpperQuantile(alpha / 2) * standardError;
  return { estimate, low: estimate - margin, high: estimate + margin, standardError };
}

/** The same, with the two-sided z-test that agrees with it. `statistic` is the estimate in standard errors. */
export function normalTest(
  effect: Pick<Estimate, "estimate" | "standardError">,
  alpha: number,
): Estimate & { readonly statistic: number } {
  const statistic = effect.estimate / effect.standardError;
  const pValue = Math.min(1, 2 * normalSf(Math.abs(statistic)));
  return { ...normalInterval(effect, alpha), pValue, statistic };
}

/** The refusal of a level outside (0,1); undefined if it is one. */
export function checkAlpha(alpha: number): Refusal | undefined {
  if (Number.isNaN(alpha)) return refusal("not_finite", "alpha is not a number");
  if (alpha > 0 && alpha < 1) return undefined;
  return outOfRange(`alpha must be between 0 and 1, not ${alpha}`);
}

/**
 * The value, if each of its numbers is finite. Inputs near the ends of what a float64 holds pass every check
 * of their own and still overflow on the way: this is the last one.
 */
export function acceptFinite<Value extends object>(value: Value): Result<Value> {
  // A third of the cost of a look at a sequence, if done with Object.values.
  for (const key in value) {
    const part = value[key];
    if (typeof part === "number" && !Number.isFinite(part)) {
      return refuse("not_finite", "the numbers are too large or too far apart to compute with");
    }
  }
  return accept(value);
}
