import { chiSquareSf } from "../numerics/chi-square.ts";
import { acceptFinite, checkAlpha, type LevelOption } from "./comparison.ts";
import {
  atDecision,
  checkArms,
  checkDecision,
  type LoggedDecision,
  propensityOf,
} from "./logged-decision.ts";
import { type Refusal, type Result, refusal, refuse } from "./result.ts";
import {
  type ChiSquareSampleRatio,
  type SampleRatio,
  sampleRatioAlphaDefault,
} from "./sample-ratio.ts";

/** How often an arm was served, and how often its propensities let expect. */
export interface ServedArm {
  readonly served: number;
  /** Σ e. */
  readonly expected: number;
  /** Of `served`, √Σ e(1 − e). */
  readonly standardError: number;
}

export interface PropensityChiSquare extends ChiSquareSampleRatio {
  readonly arms: readonly ServedArm[];
}

/** Below this variance a direction is too far from normal to go into a chi-square. */
const varianceMin = 10;
/** Decisions that the expected odds are worth in the sequence's guess of the actual ones. */
const priorDecisions = 10;

/**
 * Sample-ratio check of traffic whose shares move: were the arms served as often as the logged propensities say?
 * The counterpart of sampleRatioTest for bandit traffic, where no ratio is fixed. Looks at decisions
 * only, so it needs no rewards. Push every decision once, in the order of the decisions. Anything that cannot
 * be a logged decision makes every result a refusal that names the first. Memory: O(arms²).
 */
export class PropensitySampleRatio {
  readonly #arms: readonly string[];
  readonly #served: Float64Array;
  readonly #expected: Float64Array;
  /** Σ diag(e) − e eᵀ, row by row. */
  readonly #covariance: Float64Array;
  #logEValue = 0;
  #logEValueMax = 0;
  #decisions = 0;
  #refusal: Refusal | undefined;

  /** @param options.arms names for messages, 2 to 1,000; an arm is its index here. */
  constructor({ arms }: { readonly arms: readonly string[] }) {
    this.#arms = arms;
    this.#refusal = checkArms(arms);
    const size = this.#refusal === undefined ? arms.length : 0;
    this.#served = new Float64Array(size);
    this.#expected = new Float64Array(size);
    this.#covariance = new Float64Array(size * size);
  }

  /** @returns the refusal that every result will be, so that a reader can stop; undefined while all is well. */
  push(decision: LoggedDecision): Refusal | undefined {
    if (this.#refusal !== undefined) return this.#refusal;
    const problem = checkDecision(decision, this.#arms);
    if (problem !== undefined) {
      this.#refusal = atDecision(this.#decisions, problem);
      return this.#refusal;
    }
    this.#bet(decision);
    this.#decisions += 1;
    this.#served[decision.arm] = (this.#served[decision.arm] as number) + 1;
    this.#expect(decision.propensities);
    return undefined;
  }

  /**
   * For one look: chi-square of the differences d = served − expected with their covariance V under the logged
   * propensities, dᵀ V⁺ d. The differences are a martingale whatever the shares depend on, so d is normal in
   * large logs (Hall & Heyde 1980, Theorem 3.2); one degree of freedom for each direction that is left when those with a
   * variance below 10 are dropped. `alpha` is 0.001 if not given. Refuses a log without such a direction.
   */
  test({ alpha = sampleRatioAlphaDefault }: LevelOption = {}): Result<PropensityChiSquare> {
    const problem = this.#check(alpha);
    if (problem !== undefined) return { ok: false, refusal: problem };
    const { statistic, degreesOfFreedom } = this.#chiSquare();
    if (degreesOfFreedom === 0) {
      return refuse(
        "too_few",
        `the propensities are too near 0 and 1: no arm has a variance of ${varianceMin} draws`,
      );
    }
    const pValue = chiSquareSf(statistic, degreesOfFreedom);
    const arms = Array.from(this.#served, (served, arm) => ({
      served,
      expected: this.#expected[arm] as number,
      standardError: Math.sqrt(this.#covariance[arm * (this.#served.length + 1)] as number),
    }));
    return acceptFinite({
      pValue,
      mismatch: pValue < alpha,
      total: this.#decisions,
      statistic,
      degreesOfFreedom,
      arms,
    });
  }

  /**
   * For any number of looks: with θ(w) = (served + 10/K) / (expected + 10/K) of the decisions before, the product of
   * θ(W) / Σ_w e(w) θ(w) has mean 1 while arms are drawn from e, so by Ville's inequality 1 / its largest value so
   * far is below alpha with probability at most alpha, ever. Needs no minimum of decisions or variance. `alpha`
   * is 0.001 if not given.
   */
  sequence({ alpha = sampleRatioAlphaDefault }: LevelOption = {}): Result<SampleRatio> {
    const problem = this.#check(alpha);
    if (problem !== undefined) return { ok: false, refusal: problem };
    const pValue = Math.max(Math.exp(-this.#logEValueMax), Number.MIN_VALUE);
    return acceptFinite({ pValue, mismatch: pValue < alpha, total: this.#decisions });
  }

  #check(alpha: number): Refusal | undefined {
    const problem = checkAlpha(alpha) ?? this.#refusal;
    if (problem !== undefined || this.#decisions > 0) return problem;
    return refusal("empty", "the log has no decisions");
  }

  #bet({ propensities, arm }: LoggedDecision): void {
    const prior = priorDecisions / this.#served.length;
    const odds = (index: number): number =>
      ((this.#served[index] as number) + prior) / ((this.#expected[index] as number) + prior);
    let mixed = 0;
    let sum = 0;
    for (let index = 0; index < this.#served.length; index += 1) {
      const propensity = propensities[index] as number;
      mixed += propensity * odds(index);
      sum += propensity;
    }
    // The vector adds up to 1 within 1e-6; what is missing must not be won.
    this.#logEValue += Math.log((odds(arm) * sum) / mixed);
    this.#logEValueMax = Math.max(this.#logEValueMax, this.#logEValue);
  }

  #expect(propensities: ArrayLike<number>): void {
    const size = this.#served.length;
    for (let row = 0; row < size; row += 1) {
      const propensity = propensityOf(propensities, row);
      if (propensity === 0) continue;
      this.#expected[row] = (this.#expected[row] as number) + propensity;
      for (let column = 0; column < size; column += 1) {
        const at = row * size + column;
        // The difference first: what is added to the diagonal is never below 0.
        const own = row === column ? propensity : 0;
        const part = own - propensity * propensityOf(propensities, column);
        this.#covariance[at] = (this.#covariance[at] as number) + part;
      }
    }
  }

  /** Cholesky elimination that takes the direction of most remaining variance first. */
  #chiSquare(): { statistic: number; degreesOfFreedom: number } {
    const size = this.#served.length;
    const left = this.#covariance.slice();
    const differences = this.#served.map((served, arm) => served - (this.#expected[arm] as number));
    let statistic = 0;
    let degreesOfFreedom = 0;
    // The differences add up to 0: there are at most size − 1 directions.
    while (degreesOfFreedom < size - 1) {
      const pivot = largestDiagonal(left, size);
      const variance = left[pivot * (size + 1)] as number;
      if (!(variance >= varianceMin)) break;
      const difference = differences[pivot] as number;
      statistic += difference ** 2 / variance;
      degreesOfFreedom += 1;
      const column = Float64Array.from(
        { length: size },
        (_, row) => left[row * size + pivot] as number,
      );
      for (let row = 0; row < size; row += 1) {
        const factor = (column[row] as number) / variance;
        differences[row] = (differences[row] as number) - factor * difference;
        for (let other = 0; other < size; other += 1) {
          const at = row * size + other;
          left[at] = (left[at] as number) - factor * (column[other] as number);
        }
      }
    }
    return { statistic, degreesOfFreedom };
  }
}

function largestDiagonal(matrix: Float64Array, size: number): number {
  let largest = 0;
  for (let arm = 1; arm < size; arm += 1) {
    if ((matrix[arm * (size + 1)] as number) > (matrix[largest * (size + 1)] as number))
      largest = arm;
  }
  return largest;
}
