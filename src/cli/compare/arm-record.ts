import type { CovariateSums } from "../../statistics/cuped.ts";
import type { Counts, Sample } from "../../statistics/moments.ts";

/** What a comparison with fixed shares needs to know of an arm, in constant memory. */
export class ArmRecord {
  /** Times it was served, whether a reward is known or not. */
  units = 0;
  /** Between which its propensities lay; from Infinity to 0 when none is known. */
  propensityMin = Number.POSITIVE_INFINITY;
  propensityMax = 0;
  #n = 0;
  #mean = 0;
  #squares = 0;
  #successes = 0;
  #covariate = { sumX: 0, sumY: 0, sumXX: 0, sumYY: 0, sumXY: 0 };

  addUnit(propensity: number | undefined): void {
    this.units += 1;
    if (propensity === undefined) return;
    this.propensityMin = Math.min(this.propensityMin, propensity);
    this.propensityMax = Math.max(this.propensityMax, propensity);
  }

  /** The mean and spread in one pass that loses no digits to cancellation (Welford 1962). */
  addReward(reward: number, covariate = 0): void {
    this.#n += 1;
    const before = reward - this.#mean;
    this.#mean += before / this.#n;
    this.#squares += before * (reward - this.#mean);
    if (reward === 1) this.#successes += 1;
    const sums = this.#covariate;
    sums.sumX += covariate;
    sums.sumY += reward;
    sums.sumXX += covariate * covariate;
    sums.sumYY += reward * reward;
    sums.sumXY += covariate * reward;
  }

  /** A variance of 0 before the second reward. */
  sample(): Sample {
    const variance = this.#n > 1 ? this.#squares / (this.#n - 1) : 0;
    return { n: this.#n, mean: this.#mean, variance };
  }

  /** Rewards of 1 are successes. */
  counts(): Counts {
    return { n: this.#n, successes: this.#successes };
  }

  covariateSums(): CovariateSums {
    return { n: this.#n, ...this.#covariate };
  }
}
