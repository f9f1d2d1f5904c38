import { BestProbability } from "../../numerics/best-probability.ts";
import type { ArmAssessment } from "../arm-posterior.ts";
import { evidenceScales } from "../evidence-scale.ts";
import { centralInterval95, type Posterior, posterior, posteriorMean } from "../posterior.ts";
import type { ArmEvidence, BanditAlgorithm } from "./algorithm.ts";
import type { ContendingArm } from "./top-two-thompson.ts";
import type { ObservedArm } from "./ucb1.ts";

const weightMax = 1e300;

/** Beta posteriors of all arms, and what the algorithms for rewards in [0,1] ask about them. */
export class BetaBeliefs {
  readonly #prior: { readonly alpha: number; readonly beta: number };
  readonly #evidence: ArmEvidence[] = [];
  #shapes: Posterior[] | undefined;
  readonly #best: BestProbability;

  constructor(prior: { readonly alpha: number; readonly beta: number }, armCount: number) {
    this.#prior = prior;
    this.#best = new BestProbability(armCount);
  }

  setArm(arm: number, evidence: ArmEvidence): void {
    this.#evidence[arm] = evidence;
    this.#shapes = undefined;
  }

  means(): number[] {
    return this.#posteriors().map(posteriorMean);
  }

  /** Over all arms, however old. */
  generations(): number {
    return this.#evidence.reduce((sum, { totals }) => sum + totals.generations, 0);
  }

  /** Without the prior. */
  observedArms(): ObservedArm[] {
    return this.#evidence.map(({ totals }) => {
      const weight = Math.min(Math.max(totals.weight, 0), weightMax);
      const mean = weight > 0 ? Math.min(Math.max(totals.reward / weight, 0), 1) : 0;
      return { mean, weight };
    });
  }

  contendingArms(): ContendingArm[] {
    const best = this.bestProbabilities();
    return this.#posteriors().map((shape, arm) => {
      const mean = posteriorMean(shape);
      const variance = (mean * (1 - mean)) / (shape.alpha + shape.beta + 1);
      return { bestProbability: best[arm] as number, mean, variance };
    });
  }

  bestProbabilities(): Float64Array {
    return this.#quadrature().probabilities();
  }

  assess(): ArmAssessment[] {
    const quadrature = this.#quadrature();
    const best = quadrature.probabilities();
    const losses = quadrature.expectedLosses();
    return this.#posteriors().map((shape, arm) => {
      const interval = centralInterval95(shape);
      return {
        belief: { kind: "beta", ...shape },
        mean: posteriorMean(shape),
        intervalLow: interval.low,
        intervalHigh: interval.high,
        bestProbability: best[arm] as number,
        expectedLoss: losses[arm] as number,
      };
    });
  }

  #posteriors(): Posterior[] {
    if (this.#shapes === undefined) {
      const scales = evidenceScales(this.#evidence.map(({ totals }) => totals));
      this.#shapes = this.#evidence.map(({ prior = this.#prior, totals }, arm) =>
        posterior(prior, totals, scales[arm]),
      );
    }
    return this.#shapes;
  }

  /** Only the algorithms that ask for it pay for the grids. */
  #quadrature(): BestProbability {
    this.#posteriors().forEach((shape, arm) => {
      this.#best.setArm(arm, shape);
    });
    return this.#best;
  }
}

/** An algorithm that is a function of Beta posteriors. */
export class BetaAlgorithm implements BanditAlgorithm {
  readonly #beliefs: BetaBeliefs;
  readonly #rule: (beliefs: BetaBeliefs) => Float64Array;

  constructor(beliefs: BetaBeliefs, rule: (beliefs: BetaBeliefs) => Float64Array) {
    this.#beliefs = beliefs;
    this.#rule = rule;
  }

  setArm(arm: number, evidence: ArmEvidence): void {
    this.#beliefs.setArm(arm, evidence);
  }

  shares(): Float64Array {
    return this.#rule(this.#beliefs);
  }

  assess(): ArmAssessment[] {
    return this.#beliefs.assess();
  }
}
