import type { ContextTotals, RewardTotals } from "../../domain/contribution.ts";
import type { Algorithm } from "../../domain/policy.ts";
import { BestStudentT } from "../../numerics/best-probability.ts";
import type { ArmAssessment } from "../arm-posterior.ts";
import { contextOf } from "../context.ts";
import { LinearPosterior } from "../linear-posterior.ts";
import type { ArmEvidence, BanditAlgorithm } from "./algorithm.ts";

type LinearThompsonPolicy = Extract<Algorithm, { kind: "linear_thompson" }>;

/**
 * Thompson sampling on a disjoint linear model of the request's features, coefficients of its own for each arm: given a
 * context x, the arms' mean rewards are independent normals N(x·μ, xᵀΣx), and an arm is served with the probability that its
 * own is the largest. Without a context: at the average one, all features 0.
 *
 * The prior mean of the intercept is the policy's α/(α + β). A prior (α, β) learned from elsewhere takes its
 * place, and is worth α + β observations: the intercept's prior variance is then at most σ²/(α + β).
 *
 * Each arm's factorisation is kept until its evidence changes; a decision costs one triangular solve an arm
 * and the quadrature.
 */
export class LinearThompson implements BanditAlgorithm {
  readonly #policy: LinearThompsonPolicy;
  readonly #interceptMean: number;
  readonly #epoch: number;
  readonly #average: readonly number[];
  readonly #best: BestStudentT;
  readonly #posteriors: LinearPosterior[] = [];

  /**
   * @param options.interceptMean α/(α + β) of the policy.
   * @param options.epoch sums over contexts of any other epoch are of other features, and left out.
   */
  constructor(
    policy: LinearThompsonPolicy,
    options: {
      readonly armCount: number;
      readonly interceptMean: number;
      readonly epoch: number;
    },
  ) {
    this.#policy = policy;
    this.#interceptMean = options.interceptMean;
    this.#epoch = options.epoch;
    this.#average = contextOf(policy.features, {});
    this.#best = new BestStudentT(options.armCount);
  }

  setArm(arm: number, { totals, prior }: ArmEvidence): void {
    const { priorVariance, noiseStandardDeviation } = this.#policy;
    const strength = prior === undefined ? 0 : prior.alpha + prior.beta;
    this.#posteriors[arm] = new LinearPosterior(
      this.#average.length,
      {
        interceptMean: prior === undefined ? this.#interceptMean : prior.alpha / strength,
        interceptVariance:
          strength > 0
            ? Math.min(priorVariance, noiseStandardDeviation ** 2 / strength)
            : priorVariance,
        variance: priorVariance,
        noiseStandardDeviation,
      },
      this.#contextTotals(totals),
    );
  }

  shares(context: readonly number[] = this.#average): Float64Array {
    return this.#at(context).probabilities();
  }

  assess(context: readonly number[] = this.#average): ArmAssessment[] {
    const best = this.#at(context);
    const probabilities = best.probabilities();
    const losses = best.expectedLosses();
    return this.#posteriors.map((posterior, arm) => {
      const { mean, variance } = posterior.at(context);
      const distribution = best.arm(arm);
      return {
        belief: {
          kind: "linear",
          coefficients: posterior.coefficients(),
          standardDeviation: Math.sqrt(variance),
        },
        mean,
        intervalLow: distribution.quantile(0.025),
        intervalHigh: distribution.quantile(0.975),
        bestProbability: probabilities[arm] as number,
        expectedLoss: losses[arm] as number,
      };
    });
  }

  #at(context: readonly number[]): BestStudentT {
    this.#posteriors.forEach((posterior, arm) => {
      const { mean, variance } = posterior.at(context);
      this.#best.setArm(arm, {
        location: mean,
        scale: Math.sqrt(variance),
        degreesOfFreedom: Number.POSITIVE_INFINITY,
      });
    });
    return this.#best;
  }

  #contextTotals({ context }: RewardTotals): ContextTotals | undefined {
    if (context?.epoch !== this.#epoch) return undefined;
    return context.rewards.length === this.#average.length ? context : undefined;
  }
}
