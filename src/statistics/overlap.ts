import { type Refusal, refusal } from "./result.ts";

/** How much a log says about one arm. */
export interface Overlap {
  /** Times the arm was served among the decisions that count. */
  readonly served: number;
  /** (Σ w)² / Σ w² over the importance weights w of the served: as many equally weighted rewards know as much. */
  readonly effectiveSampleSize: number;
  /** Mean importance weight: 1 but for chance, if the logged propensities are those of the draw. */
  readonly meanWeight: number;
}

/** With fewer, single rewards carry the estimate, or will: the normal approximation is not to be trusted. */
const effectiveSampleSizeMin = 30;
/**
 * (Σ h²/e)³ / (Σ h³/e²)² is the inverse square of Lyapunov's ratio for the martingale Σ h·1{served}/e: the draws that the
 * sum is as normal as. It is their expected number where e is constant, and small where much of the variance is expected of
 * a few rare draws: when these do not come, the standard error does not know of them.
 */
const normalDrawsMin = 10;
/** A sound log is farther off than this about once in a million. */
const meanWeightStandardErrorsMax = 5;

/** Importance weights h·1{served}/e of one arm, in constant memory. */
export class ImportanceWeights {
  #served = 0;
  #sum = 0;
  #squares = 0;
  #expected = 0;
  #expectedSquares = 0;
  #expectedCubes = 0;
  #excess = 0;
  #excessVariance = 0;

  /** `weight` is h, above 0; `propensity` is e, in (0,1]. */
  add(weight: number, propensity: number, served: boolean): void {
    this.#expected += weight;
    this.#expectedSquares += (weight * weight) / propensity;
    this.#expectedCubes += weight ** 3 / propensity ** 2;
    this.#excessVariance += weight * weight * (1 / propensity - 1);
    if (!served) {
      this.#excess -= weight;
      return;
    }
    const importance = weight / propensity;
    this.#served += 1;
    this.#sum += importance;
    this.#squares += importance * importance;
    this.#excess += importance - weight;
  }

  /** All 0 before the first decision. */
  overlap(): Overlap {
    return {
      served: this.#served,
      effectiveSampleSize: this.#squares > 0 ? (this.#sum * this.#sum) / this.#squares : 0,
      meanWeight: this.#expected > 0 ? this.#sum / this.#expected : 0,
    };
  }

  /**
   * Why the overlap does not carry an estimate; undefined if it does. Looks at what was served and at what the
   * propensities let expect: where they are tiny, the large weights may just not have come yet.
   */
  check(name: string): Refusal | undefined {
    const { effectiveSampleSize, meanWeight } = this.overlap();
    const worth = Math.min(effectiveSampleSize, this.#expected ** 2 / this.#expectedSquares);
    if (!(worth >= effectiveSampleSizeMin)) {
      return refusal(
        "no_overlap",
        `the effective sample size of ${name} is ${Number.isFinite(worth) ? worth.toFixed(1) : 0}; the estimate needs ${effectiveSampleSizeMin}`,
      );
    }
    const deviation = this.#excess === 0 ? 0 : this.#excess / Math.sqrt(this.#excessVariance);
    if (!(Math.abs(deviation) <= meanWeightStandardErrorsMax)) {
      return refusal(
        "bad_propensity",
        `${name} was not served as often as the propensities say: the mean weight is ${meanWeight.toFixed(3)} and not 1`,
      );
    }
    const normalDraws = this.#expectedSquares ** 3 / this.#expectedCubes ** 2;
    if (!(normalDraws >= normalDrawsMin)) {
      return refusal(
        "no_overlap",
        `the estimate of ${name} would rest on few draws of small propensity: it is as normal as a sum of ${Number.isFinite(normalDraws) ? normalDraws.toFixed(1) : 0} draws and needs ${normalDrawsMin}`,
      );
    }
    return undefined;
  }
}
