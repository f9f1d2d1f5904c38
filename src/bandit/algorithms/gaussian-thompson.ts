import type { Algorithm } from "../../domain/policy.ts";
import { BestStudentT } from "../../numerics/best-probability.ts";
import type { ArmAssessment } from "../arm-posterior.ts";
import { meanDistribution, type NormalInverseGamma, normalPosterior } from "../normal-posterior.ts";
import type { ArmEvidence, BanditAlgorithm } from "./algorithm.ts";

type GaussianThompsonPolicy = Extract<Algorithm, { kind: "gaussian_thompson" }>;

/**
 * Thompson sampling for rewards of any size: mean and variance of each arm are unknown, with a
 * normal–inverse-gamma prior (Honda & Takemura 2014; Murphy 2007 for the posterior). An arm is served with the
 * probability that its mean, a Student t, is the largest: within 1e-6, see `BestStudentT`.
 *
 * A prior (α, β) learned from elsewhere takes the place of the policy's mean and strength: mean α/(α + β), worth
 * α + β observations. It says nothing about the variance, so shape and scale stay the policy's.
 */
export class GaussianThompson implements BanditAlgorithm {
  readonly #prior: NormalInverseGamma;
  readonly #best: BestStudentT;
  readonly #posteriors: NormalInverseGamma[] = [];

  constructor(policy: GaussianThompsonPolicy, armCount: number) {
    this.#prior = {
      mean: policy.priorMean,
      strength: policy.priorStrength,
      shape: policy.priorShape,
      scale: policy.priorScale,
    };
    this.#best = new BestStudentT(armCount);
  }

  setArm(arm: number, { totals, prior: shared }: ArmEvidence): void {
    const prior =
      shared === undefined
        ? this.#prior
        : {
            ...this.#prior,
            mean: shared.alpha / (shared.alpha + shared.beta),
            strength: shared.alpha + shared.beta,
          };
    const posterior = normalPosterior(prior, totals);
    this.#posteriors[arm] = posterior;
    this.#best.setArm(arm, meanDistribution(posterior));
  }

  shares(): Float64Array {
    return this.#best.probabilities();
  }

  assess(): ArmAssessment[] {
    const best = this.#best.probabilities();
    const losses = this.#best.expectedLosses();
    return this.#posteriors.map((posterior, arm) => {
      const distribution = this.#best.arm(arm);
      const loss = losses[arm] as number;
      return {
        belief: { kind: "normal_inverse_gamma", ...posterior },
        mean: posterior.mean,
        intervalLow: distribution.quantile(0.025),
        intervalHigh: distribution.quantile(0.975),
        bestProbability: best[arm] as number,
        ...(Number.isFinite(loss) ? { expectedLoss: loss } : {}),
      };
    });
  }
}
