import { type RewardTotals, zeroTotals } from "../domain/contribution.ts";
import { invariant } from "../domain/errors.ts";
import type { VariantId } from "../domain/ids.ts";
import type { Policy } from "../domain/policy.ts";
import { type Allocation, makeAllocation } from "./allocation.ts";
import { BestProbability } from "../numerics/best-probability.ts";
import { decayedEpsilon, epsilonGreedyShares } from "./epsilon-greedy.ts";
import { applyMinimumShare } from "./minimum-share.ts";
import { centralInterval95, type Posterior, posterior, posteriorMean } from "./posterior.ts";

/** The belief about one arm, for people. */
export interface ArmPosterior {
  readonly variantId: VariantId;
  readonly alpha: number;
  readonly beta: number;
  readonly mean: number;
  /** Central 95 % interval. */
  readonly intervalLow: number;
  readonly intervalHigh: number;
  /** Probability that this arm has the largest mean; adds up to 1 over the arms. */
  readonly bestProbability: number;
  /** Generations that contributed. */
  readonly generations: number;
}

/**
 * Posteriors in, allocation out, for one (agent type, code type) under one policy. Only arms whose
 * totals changed are worked on. The result depends on the current totals alone, never on the order or
 * number of changes that led to them, so replicas that agree on the totals agree on the allocation.
 *
 * Memory: about 2 to 6 KB for each arm (the grid of {@link BestProbability} is most of it).
 */
export class Allocator {
  readonly #policy: Policy;
  readonly #variantIds: readonly VariantId[];
  readonly #armOf: ReadonlyMap<VariantId, number>;
  readonly #baselineIndex: number;
  readonly #totals: RewardTotals[];
  readonly #best: BestProbability;
  #allocation: Allocation | undefined;

  /** @param options.variantIds distinct, at least one, in any order; `baselineId` is one of them. */
  constructor(options: {
    readonly policy: Policy;
    readonly variantIds: readonly VariantId[];
    readonly baselineId: VariantId;
  }) {
    this.#policy = options.policy;
    this.#variantIds = [...options.variantIds].sort();
    this.#armOf = new Map(this.#variantIds.map((id, arm) => [id, arm]));
    invariant(this.#armOf.size === options.variantIds.length, "variant ids are distinct");
    this.#baselineIndex = this.#variantIds.indexOf(options.baselineId);
    invariant(this.#baselineIndex >= 0, "the baseline is one of the variants");
    this.#totals = this.#variantIds.map(() => zeroTotals);
    this.#best = new BestProbability(this.#variantIds.length);
  }

  /** Totals of arms that were never set are zero. @returns false, changing nothing, when the id is no arm. */
  setTotals(variantId: VariantId, totals: RewardTotals): boolean {
    const arm = this.#armOf.get(variantId);
    if (arm === undefined) return false;
    const before = this.#totals[arm] as RewardTotals;
    if (
      before.reward !== totals.reward ||
      before.weight !== totals.weight ||
      before.generations !== totals.generations
    ) {
      this.#totals[arm] = totals;
      this.#allocation = undefined;
    }
    return true;
  }

  /** The same object until totals change. */
  allocate(): Allocation {
    this.#allocation ??= makeAllocation({
      variantIds: this.#variantIds,
      baselineIndex: this.#baselineIndex,
      holdoutShare: this.#policy.holdoutShare,
      shares: applyMinimumShare(this.#shares(), this.#policy.minimumShare),
    });
    return this.#allocation;
  }

  /** Ordered by variant id. Milliseconds of work for a hundred arms: for views, not for the hot path. */
  posteriors(): ArmPosterior[] {
    const shapes = this.#posteriors();
    const best = this.#bestProbabilities(shapes);
    return shapes.map((shape, arm) => {
      const interval = centralInterval95(shape);
      return {
        variantId: this.#variantIds[arm] as VariantId,
        alpha: shape.alpha,
        beta: shape.beta,
        mean: posteriorMean(shape),
        intervalLow: interval.low,
        intervalHigh: interval.high,
        bestProbability: best[arm] as number,
        generations: (this.#totals[arm] as RewardTotals).generations,
      };
    });
  }

  #shares(): Float64Array {
    const { algorithm } = this.#policy;
    switch (algorithm.kind) {
      case "thompson_sampling":
        // Thompson (1933) serves an arm with the probability that it is the best one.
        return this.#bestProbabilities(this.#posteriors());
      case "epsilon_greedy": {
        const generations = this.#totals.reduce((sum, totals) => sum + totals.generations, 0);
        return epsilonGreedyShares(
          this.#posteriors().map(posteriorMean),
          decayedEpsilon(algorithm, generations),
        );
      }
    }
  }

  #posteriors(): Posterior[] {
    const prior = { alpha: this.#policy.priorAlpha, beta: this.#policy.priorBeta };
    return this.#totals.map((totals) => posterior(prior, totals));
  }

  #bestProbabilities(shapes: readonly Posterior[]): Float64Array {
    shapes.forEach((shape, arm) => {
      this.#best.setArm(arm, shape);
    });
    return this.#best.probabilities();
  }
}
