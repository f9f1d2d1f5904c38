/**
 * Why a method gives no number. Callers show `message`; programs branch on `reason`.
 *
 * - `empty`: there is nothing to look at.
 * - `too_few`: fewer observations than the method needs.
 * - `zero_variance`: every observation is the same, so no spread can be estimated.
 * - `too_skewed`: a few large values without a bound decide the mean, so its distribution is not known.
 * - `not_finite`: an infinite or NaN value in the input.
 * - `out_of_range`: a value outside the range the method is made for (a count below 0, a reward above 1, a level of 0).
 * - `bad_propensity`: a propensity that is not in (0,1], or an arm that was served with a stated probability of 0.
 * - `unknown_arm`: an arm that stands in one part of the input only.
 * - `no_overlap`: the log says too little about the question (effective sample size or mean weight).
 */
export type RefusalReason =
  | "empty"
  | "too_few"
  | "zero_variance"
  | "too_skewed"
  | "not_finite"
  | "out_of_range"
  | "bad_propensity"
  | "unknown_arm"
  | "no_overlap";

export interface Refusal {
  readonly reason: RefusalReason;
  /** One sentence for people that names the offending part of the input. */
  readonly message: string;
}

/** A number, or the reason why there is none. No function of this room returns NaN or throws on bad data. */
export type Result<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly refusal: Refusal };

export function accept<Value>(value: Value): Result<Value> {
  return { ok: true, value };
}

export function refuse(reason: RefusalReason, message: string): Result<never> {
  return { ok: false, refusal: refusal(reason, message) };
}

/** @param message one sentence for people that names the offending part of the input */
export function refusal(reason: RefusalReason, message: string): Refusal {
  return { reason, message };
}

/** The refusal of a number beyond its range. @param message as for {@link refusal} */
export function outOfRange(message: string): Refusal {
  return refusal("out_of_range", message);
}

/** The refusal of a check, or the value computed when all checks are passed. */
export function unless<Value>(
  refusal: Refusal | undefined,
  compute: () => Result<Value>,
): Result<Value> {
  return refusal === undefined ? compute() : { ok: false, refusal };
}
