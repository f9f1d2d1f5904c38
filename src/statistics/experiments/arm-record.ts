import type { CovariateSums } from "../cuped.ts";
import { type Counts, RunningMoments, type Sample } from "../moments.ts";

/** What a comparison with fixed shares needs to know of an arm, in constant memory. */
export class ArmRecord {
  /** Times it was served, whether a reward is known or not. */
  units = 0;
  /** How often the vectors of the decisions let expect it. */
  expected = 0;
  /** Between which its propensities lay; from Infinity to 0 when none is known. */
  propensityMin = Number.POSITIVE_INFINITY;
  propensityMax = 0;
  readonly #moments = new RunningMoments();
  #successes = 0;
  #covariate = { sumX: 0, sumY: 0, sumXX: 0, sumYY: 0, sumXY: 0 };

  addUnit(propensity: number | undefined): void {
    this.units += 1;
    if (propensity === undefined) return;
    this.propensityMin = Math.min(this.propensityMin, propensity);
    this.propensityMax = Math.max(this.propensityMax, propensity);
  }

  addReward(reward: number, covariate = 0): void {
    this.#moments.add(reward);
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
    return this.#moments.sample();
  }

  skewnessOfMean(): number {
    return this.#moments.skewnessOfMean();
  }

  /** Rewards of 1 are successes. */
  counts(): Counts {
    return { n: this.sample().n, successes: this.#successes };
  }

  covariateSums(): CovariateSums {
    return { n: this.sample().n, ...this.#covariate };
  }
}
