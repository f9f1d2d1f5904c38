import { outOfRange, type Refusal, refusal } from "./result.ts";

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

/** The moments of observations as they come, in one pass that loses no digits to cancellation (Welford 1962). */
export class RunningMoments {
  #n = 0;
  #mean = 0;
  #squares = 0;
  /** Σ(x − mean)³. */
  #cubes = 0;

  add(value: number): void {
    this.#n += 1;
    const before = value - this.#mean;
    const step = before / this.#n;
    const square = before * step * (this.#n - 1);
    this.#cubes += step * (square * (this.#n - 2) - 3 * this.#squares);
    this.#mean += step;
    this.#squares += before * (value - this.#mean);
  }

  /** Σ(x − mean)³ / Σ(x − mean)²^1.5: the skewness of the mean. 0 without a spread. */
  skewnessOfMean(): number {
    return this.#squares > 0 ? this.#cubes / this.#squares ** 1.5 : 0;
  }

  /** A variance of 0 before the second observation; a mean of 0 before the first. */
  sample(): Sample {
    const variance = this.#n > 1 ? this.#squares / (this.#n - 1) : 0;
    return { n: this.#n, mean: this.#mean, variance };
  }
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

/**
 * Cochran's rule (*Sampling Techniques*, 3rd ed. 1977, §2.15): with fewer than 25 observations times the square of their
 * skewness, the mean is too skewed for the normal distribution, and the few large values that decide it have mostly not come.
 */
const skewnessOfMeanMax = 0.2;

/**
 * The refusal of observations without a range that are too skewed for their number; undefined if they are not. A tail so
 * heavy that there is no skewness is refused too, at nearly any number: the sample's then grows like the root of it.
 */
export function checkSkewness(
  skewnessOfMean: number,
  n: number,
  name: string,
): Refusal | undefined {
  // Without a spread there is none, which the methods say themselves.
  if (!(Math.abs(skewnessOfMean) > skewnessOfMeanMax)) return undefined;
  const needed = Math.ceil(n * (skewnessOfMean / skewnessOfMeanMax) ** 2);
  return refusal(
    "too_skewed",
    `the rewards of ${name} are too skewed: their mean is as good as normal from about ${needed} on, and there are ${n}; ` +
      "cap them at a bound chosen beforehand, or compare their logarithms",
  );
}

/** The refusal of a number of observations that gives no variance; undefined if it does. */
export function checkN(n: number, name: string): Refusal | undefined {
  if (!Number.isFinite(n)) {
    return refusal("not_finite", `the n of ${name} is not a finite number`);
  }
  if (!Number.isSafeInteger(n) || n < 0) {
    return outOfRange(`the n of ${name} is not a whole number: ${n}`);
  }
  if (n === 0) return refusal("empty", `${name} has no observations`);
  if (n === 1) {
    return refusal("too_few", `${name} has one observation; a spread needs two`);
  }
  return undefined;
}

/** The refusal of successes that are not a whole number from 0 to n; undefined if they are. */
export function checkCounts({ n, successes }: Counts, name: string): Refusal | undefined {
  if (!Number.isFinite(successes)) {
    return refusal("not_finite", `the successes of ${name} are not a finite number`);
  }
  if (Number.isSafeInteger(successes) && successes >= 0 && successes <= n) return undefined;
  return outOfRange(
    `the successes of ${name} must be a whole number from 0 to ${n}, not ${successes}`,
  );
}

/** The refusal of a sample without a spread or with impossible moments; undefined if it is sound. */
export function checkSample({ n, mean, variance }: Sample, name: string): Refusal | undefined {
  const problem = checkN(n, name);
  if (problem !== undefined) return problem;
  if (!Number.isFinite(mean) || !Number.isFinite(variance)) {
    return refusal(
      "not_finite",
      `the mean and the variance of ${name} must be finite numbers, not ${mean} and ${variance}`,
    );
  }
  if (variance < 0) {
    return outOfRange(`the variance of ${name} is below 0: ${variance}`);
  }
  if (variance === 0) {
    return refusal("zero_variance", `all observations of ${name} are the same`);
  }
  return undefined;
}
