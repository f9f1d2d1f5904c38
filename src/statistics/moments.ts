import { acceptFinite } from "./comparison.ts";
import { accept, type Refusal, type Result, refuse } from "./result.ts";

/** What most methods need to know of an arm's observations. */
export interface Sample {
  /** Observations: a whole number, at least 2. */
  readonly n: number;
  readonly mean: number;
  /** Unbiased: Σ(x − mean)² / (n − 1). */
  readonly variance: number;
}

/** What is known of an arm with 0/1 observations. */
export interface Counts {
  readonly n: number;
  /** Observations that were 1. */
  readonly successes: number;
}

/** Two-sums of an arm, as SQL gives them: count(), sum(x), sum(x * x). */
export interface Sums {
  readonly n: number;
  readonly sum: number;
  readonly sumOfSquares: number;
}

/** The moments of observations as they come, in one pass that loses no digits to cancellation (Welford 1962). */
export class RunningMoments {
  #n = 0;
  #mean = 0;
  #squares = 0;

  add(value: number): void {
    this.#n += 1;
    const before = value - this.#mean;
    this.#mean += before / this.#n;
    this.#squares += before * (value - this.#mean);
  }

  /** A variance of 0 before the second observation; a mean of 0 before the first. */
  sample(): Sample {
    const variance = this.#n > 1 ? this.#squares / (this.#n - 1) : 0;
    return { n: this.#n, mean: this.#mean, variance };
  }
}

/** The sample that the observations are. Refuses fewer than two, and one that is not finite. */
export function sampleFromObservations(observations: Iterable<number>): Result<Sample> {
  const moments = new RunningMoments();
  for (const value of observations) moments.add(value);
  const sample = moments.sample();
  const problem = checkN(sample.n, "the sample");
  if (problem !== undefined) return { ok: false, refusal: problem };
  if (Number.isFinite(sample.mean) && Number.isFinite(sample.variance)) return accept(sample);
  return refuse("not_finite", "an observation is infinite, not a number, or too large");
}

/**
 * From sums. Digits are lost where the mean is large against the spread: the variance is off by a relative
 * 2^-51 · n · Σx² / Σ(x − mean)² at worst. Where that is more than the variance itself, it is 0.
 */
export function sampleFromSums({ n, sum, sumOfSquares }: Sums): Result<Sample> {
  const problem = checkN(n, "the sample");
  if (problem !== undefined) return { ok: false, refusal: problem };
  const squares = centredSum({ n, sumA: sum, sumB: sum, sumOfProducts: sumOfSquares });
  if (squares === undefined) return refuse("not_finite", "a sum is infinite or not a number");
  if (squares < 0) {
    return refuse(
      "out_of_range",
      "the sum of squares is below (sum)²/n: no numbers have such sums",
    );
  }
  return acceptFinite({ n, mean: sum / n, variance: squares / (n - 1) });
}

/** From counts of 0/1 observations: mean p = successes/n, variance p(1 − p)·n/(n − 1). */
export function sampleFromCounts(counts: Counts): Result<Sample> {
  const { n, successes } = counts;
  const problem = checkN(n, "the sample") ?? checkCounts(counts, "the sample");
  if (problem !== undefined) return { ok: false, refusal: problem };
  return accept({
    n,
    mean: successes / n,
    variance: ((successes / n) * (n - successes)) / (n - 1),
  });
}

/**
 * Σ(a − mean a)(b − mean b) from Σa, Σb and Σab. What rounding of the sums alone can produce (naive
 * summation is off by up to n·2^-53 of the sum of the absolute values; Higham 1993) counts as 0: a sample
 * that is constant must not get a spread, and "not below 0" must not fail by rounding.
 * @returns undefined when a number is not finite.
 */
export function centredSum(sums: {
  readonly n: number;
  readonly sumA: number;
  readonly sumB: number;
  readonly sumOfProducts: number;
}): number | undefined {
  const { n, sumA, sumB, sumOfProducts } = sums;
  const product = sumA * (sumB / n);
  const centred = sumOfProducts - product;
  if (!Number.isFinite(centred)) return undefined;
  const rounding =
    Math.max(n, 100) * 2 ** -51 * Math.max(Math.abs(product), Math.abs(sumOfProducts));
  return Math.abs(centred) <= rounding ? 0 : centred;
}

/** The refusal of a number of observations that gives no variance; undefined if it does. */
export function checkN(n: number, name: string): Refusal | undefined {
  if (!Number.isFinite(n)) {
    return { reason: "not_finite", message: `the n of ${name} is not a finite number` };
  }
  if (!Number.isSafeInteger(n) || n < 0) {
    return { reason: "out_of_range", message: `the n of ${name} is not a whole number: ${n}` };
  }
  if (n === 0) return { reason: "empty", message: `${name} has no observations` };
  if (n === 1) {
    return { reason: "too_few", message: `${name} has one observation; a spread needs two` };
  }
  return undefined;
}

/** The refusal of successes that are not a whole number from 0 to n; undefined if they are. */
export function checkCounts({ n, successes }: Counts, name: string): Refusal | undefined {
  if (!Number.isFinite(successes)) {
    return { reason: "not_finite", message: `the successes of ${name} are not a finite number` };
  }
  if (Number.isSafeInteger(successes) && successes >= 0 && successes <= n) return undefined;
  return {
    reason: "out_of_range",
    message: `the successes of ${name} must be a whole number from 0 to ${n}, not ${successes}`,
  };
}

/** The refusal of a sample without a spread or with impossible moments; undefined if it is sound. */
export function checkSample({ n, mean, variance }: Sample, name: string): Refusal | undefined {
  const problem = checkN(n, name);
  if (problem !== undefined) return problem;
  if (!Number.isFinite(mean) || !Number.isFinite(variance)) {
    return {
      reason: "not_finite",
      message: `the mean and the variance of ${name} must be finite numbers, not ${mean} and ${variance}`,
    };
  }
  if (variance < 0) {
    return { reason: "out_of_range", message: `the variance of ${name} is below 0: ${variance}` };
  }
  if (variance === 0) {
    return { reason: "zero_variance", message: `all observations of ${name} are the same` };
  }
  return undefined;
}
