import { areSameTotals, type RewardTotals, totalsAt, zeroTotals } from "../domain/contribution.ts";
import { invariant } from "../domain/errors.ts";
import type { VariantId } from "../domain/ids.ts";
import type { Policy } from "../domain/policy.ts";
import type { ArmEvidence, BanditAlgorithm } from "./algorithms/algorithm.ts";
import { createAlgorithm } from "./algorithms/create-algorithm.ts";
import { type Allocation, makeAllocation } from "./allocation.ts";
import type { ArmPosterior } from "./arm-posterior.ts";
import { explorationBudget, spreadBudget } from "./exploration-budget.ts";

/** Priors of arms that do not start from the policy's own. */
export type ArmPriors = ReadonlyMap<VariantId, { readonly alpha: number; readonly beta: number }>;

/** When, and for what, shares are asked. */
export interface AllocationMoment {
  /**
   * Half-lives that have passed (`forgettingPosition`). Every arm counts as at the largest of this and the
   * positions of all arms, so that unplayed arms are forgotten as fast as played ones. Absent: 0.
   */
  readonly position?: number;
  /** What `contextOf` made of a request. Of no account unless the algorithm is contextual. */
  readonly context?: readonly number[];
}

/**
 * Totals in, allocation out, for one (agent type, code type) under one policy. Only arms whose totals changed
 * are worked on, unless something is forgotten or the spread of the rewards has moved, which changes all. The result depends on the current totals,
 * priors, position and context alone, never on the order or number of changes that led to them, so replicas that
 * agree on those agree on the allocation.
 *
 * Memory: about 2 to 6 KB for each arm (the grids of the quadrature are most of it).
 */
export class Allocator {
  readonly #policy: Policy;
  readonly #variantIds: readonly VariantId[];
  readonly #armOf: ReadonlyMap<VariantId, number>;
  readonly #baselineIndex: number;
  readonly #totals: RewardTotals[];
  readonly #algorithm: BanditAlgorithm;
  readonly #isContextual: boolean;
  #priors: ArmPriors = new Map();
  /** What the algorithm was last told of each arm; undefined: its totals or prior have changed since. */
  readonly #told: (ArmEvidence | undefined)[];
  #allocation: Allocation | undefined;

  /**
   * @param options.variantIds distinct, at least one, in any order; `baselineId` is one of them.
   * @param options.contextEpoch `PolicyRecord.featuresSinceMs`; needed by contextual algorithms. Absent: 0.
   */
  constructor(options: {
    readonly policy: Policy;
    readonly variantIds: readonly VariantId[];
    readonly baselineId: VariantId;
    readonly contextEpoch?: number;
  }) {
    this.#policy = options.policy;
    this.#variantIds = [...options.variantIds].sort();
    this.#armOf = new Map(this.#variantIds.map((id, arm) => [id, arm]));
    invariant(this.#armOf.size === options.variantIds.length, "variant ids are distinct");
    this.#baselineIndex = this.#variantIds.indexOf(options.baselineId);
    invariant(this.#baselineIndex >= 0, "the baseline is one of the variants");
    this.#totals = this.#variantIds.map(() => zeroTotals);
    this.#told = this.#variantIds.map(() => undefined);
    this.#isContextual = options.policy.algorithm.kind === "linear_thompson";
    this.#algorithm = createAlgorithm(options.policy, {
      armCount: this.#variantIds.length,
      contextEpoch: options.contextEpoch ?? 0,
    });
  }

  /** Totals of arms that were never set are zero. @returns false, changing nothing, when the id is no arm. */
  setTotals(variantId: VariantId, totals: RewardTotals): boolean {
    const arm = this.#armOf.get(variantId);
    if (arm === undefined) return false;
    if (!areSameTotals(this.#totals[arm] as RewardTotals, totals)) {
      this.#totals[arm] = totals;
      this.#told[arm] = undefined;
    }
    return true;
  }

  /**
   * Replaces all priors. An arm that is not in the map has the policy's; ids that are no arm are ignored. Both
   * shapes at least 0.5. What a prior means is each algorithm's to say (docs/concepts/algorithms.md).
   */
  setPriors(priors: ArmPriors): void {
    this.#variantIds.forEach((id, arm) => {
      const before = this.#priors.get(id);
      const after = priors.get(id);
      if (before?.alpha !== after?.alpha || before?.beta !== after?.beta) {
        this.#told[arm] = undefined;
      }
    });
    this.#priors = priors;
  }

  /**
   * Without a context (or with an algorithm that has no use for it): the same object until totals, priors or
   * what is forgotten change. With one: a new object, made for this context.
   */
  allocate(moment: AllocationMoment = {}): Allocation {
    this.#tell(moment.position ?? 0);
    if (this.#isContextual && moment.context !== undefined) {
      return this.#makeAllocation(moment.context);
    }
    this.#allocation ??= this.#makeAllocation(undefined);
    return this.#allocation;
  }

  /** Ordered by variant id. Milliseconds of work for a hundred arms: for views, not for the hot path. */
  posteriors(moment: AllocationMoment = {}): ArmPosterior[] {
    this.#tell(moment.position ?? 0);
    return this.#algorithm.assess(moment.context).map((assessment, arm) => {
      const { totals } = this.#told[arm] as ArmEvidence;
      return {
        ...assessment,
        variantId: this.#variantIds[arm] as VariantId,
        generations: totals.generations,
        effectiveWeight: totals.weight,
        effectiveReward: totals.reward,
      };
    });
  }

  /** Tells the algorithm the totals that have changed, or faded, since it was asked last. */
  #tell(position: number): void {
    const present = this.#totals.reduce(
      (latest, totals) => Math.max(latest, totals.position),
      position,
    );
    this.#totals.forEach((totals, arm) => {
      const known = this.#told[arm];
      if (known !== undefined && isAsAt(known.totals, totals, present)) return;
      const prior = this.#priors.get(this.#variantIds[arm] as VariantId);
      const evidence = {
        totals: totalsAt(totals, present),
        ...(prior === undefined ? {} : { prior }),
      };
      this.#told[arm] = evidence;
      this.#algorithm.setArm(arm, evidence);
      this.#allocation = undefined;
    });
  }

  #makeAllocation(context: readonly number[] | undefined): Allocation {
    const totals = this.#told.map((evidence) => (evidence as ArmEvidence).totals);
    const budget = explorationBudget(this.#policy.explorationShare, totals);
    return makeAllocation({
      variantIds: this.#variantIds,
      baselineIndex: this.#baselineIndex,
      holdoutShare: this.#policy.holdoutShare,
      shares: spreadBudget(this.#algorithm.shares(context), budget),
    });
  }
}

/** Whether `told`, made of `totals`, is what they count at `position`. */
function isAsAt(told: RewardTotals, totals: RewardTotals, position: number): boolean {
  return totals.generations === 0 || told.position === Math.max(totals.position, position);
}
