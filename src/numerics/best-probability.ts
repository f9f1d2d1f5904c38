import { bestProbabilities, expectedLosses } from "./best-arm-integral.ts";
import { LogitBetaGrid } from "./logit-beta-grid.ts";
import { StudentTDistribution, type StudentTParameters } from "./student-t-distribution.ts";

/**
 * The probability of each arm to have the largest mean, for independent Beta posteriors, by quadrature in
 * z = logit(x), see {@link bestProbabilities}. Deterministic; absolute error at most 1e-6 for shapes from
 * 0.5 to 1e12 and up to 100 arms (measured: below 3e-8 over the committed cases and 800 pools of 2 to 100 arms,
 * alike, mixed and skewed). Arms with equal shapes get bit for bit the same probability.
 *
 * Each arm's grid (1.6 to 8 KB) is kept: changing one arm costs one new grid and one pass over the nodes.
 */
export class BestProbability {
  readonly #grids: (LogitBetaGrid | undefined)[];

  constructor(armCount: number) {
    this.#grids = new Array(armCount).fill(undefined);
  }

  /** `alpha`, `beta` from 0.5 to 1e12. Costs nothing when they are what they were. */
  setArm(arm: number, shape: { alpha: number; beta: number }): void {
    const isSame = (grid: LogitBetaGrid | undefined): boolean =>
      grid?.alpha === shape.alpha && grid.beta === shape.beta;
    if (isSame(this.#grids[arm])) return;
    // An equal arm's grid is shared: fresh arms, which all have the prior, cost one grid together.
    this.#grids[arm] = this.#grids.find(isSame) ?? new LogitBetaGrid(shape.alpha, shape.beta);
  }

  /** One probability per arm. Every arm must have been set. */
  probabilities(): Float64Array {
    return bestProbabilities(this.#grids as LogitBetaGrid[]);
  }

  /**
   * E[max_j θ_j − θ_i] for each arm, within 1e-6 of the largest standard deviation (measured: below 2e-7 over the same pools).
   * Every arm must have been set.
   */
  expectedLosses(): Float64Array {
    const arms = (this.#grids as LogitBetaGrid[]).map((grid) => ({
      distribution: grid,
      mean: grid.alpha / (grid.alpha + grid.beta),
      upperTailMoment: () => 0,
    }));
    return expectedLosses(arms, (logit) => 1 / (1 + Math.exp(-logit)));
  }
}

/**
 * As {@link BestProbability} for independent Student t or normal posteriors. Error at most 1e-6 also when
 * tails are as heavy as Cauchy's and scales are orders of magnitude apart. A normal arm has no grid of its own.
 */
export class BestStudentT {
  readonly #arms: (StudentTDistribution | undefined)[];
  readonly #parameters: (StudentTParameters | undefined)[];

  constructor(armCount: number) {
    this.#arms = new Array(armCount).fill(undefined);
    this.#parameters = new Array(armCount).fill(undefined);
  }

  /** Costs nothing when the parameters are what they were. */
  setArm(arm: number, parameters: StudentTParameters): void {
    const isSame = (other: StudentTParameters | undefined): boolean =>
      other?.location === parameters.location &&
      other.scale === parameters.scale &&
      other.degreesOfFreedom === parameters.degreesOfFreedom;
    if (isSame(this.#parameters[arm])) return;
    const twin = this.#parameters.findIndex(isSame);
    this.#parameters[arm] = parameters;
    this.#arms[arm] = twin < 0 ? new StudentTDistribution(parameters) : this.#arms[twin];
  }

  /** One probability per arm. Every arm must have been set. */
  probabilities(): Float64Array {
    return bestProbabilities(this.#arms as StudentTDistribution[]);
  }

  /**
   * E[max_j θ_j − θ_i] for each arm, within 1e-6 of the larger of the largest scale and the distance between
   * the arms; Infinity for each of several arms when one has no mean (one degree of freedom). Every arm must
   * have been set.
   */
  expectedLosses(): Float64Array {
    const arms = this.#arms as StudentTDistribution[];
    if (arms.length > 1 && arms.some(({ degreesOfFreedom }) => degreesOfFreedom <= 1)) {
      return new Float64Array(arms.length).fill(Number.POSITIVE_INFINITY);
    }
    return expectedLosses(
      arms.map((distribution) => ({
        distribution,
        mean: distribution.location,
        upperTailMoment: (reference) => distribution.upperTailMoment(reference),
      })),
      (value) => value,
    );
  }

  /** The arm's own distribution. It must have been set. */
  arm(index: number): StudentTDistribution {
    return this.#arms[index] as StudentTDistribution;
  }
}
