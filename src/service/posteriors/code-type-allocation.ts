import type { Allocation } from "../../bandit/allocation.ts";
import { Allocator, type ArmPriors } from "../../bandit/allocator.ts";
import type { ArmPosterior } from "../../bandit/arm-posterior.ts";
import { contextOf } from "../../bandit/context.ts";
import {
  areSameTotals,
  type DecisionContext,
  type RewardTotals,
  zeroTotals,
} from "../../domain/contribution.ts";
import type { CodeType, VariantId } from "../../domain/ids.ts";
import { forgettingPosition, type PolicyRecord } from "../../domain/policy.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ArmTotals } from "../../ports/state-store.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { type AgentTypeEntry, policyFor } from "../catalogue/catalogue-view.ts";

/** Half-lives after which what is forgotten makes a new allocation: evidence counts 0.7 % less by then. */
const forgettingStep = 0.01;

/** Of totals that come from a snapshot: below every version that a state store gives. */
export const snapshotVersion = 0;

/** An allocation, and when it was computed. */
export interface CurrentAllocation {
  readonly allocation: Allocation;
  readonly computedAtMs: number;
  /** What a contextual policy saw of the request that the allocation was made for. */
  readonly context?: DecisionContext;
}

/** Numbers of a request by name, for contextual policies. */
export type Features = Readonly<Record<string, number>>;

/** Where the priors of a code type come from; a new object when they have changed. */
export type PriorSource = (entry: AgentTypeEntry, policy: PolicyRecord) => ArmPriors | undefined;

interface KnownTotals {
  totals: RewardTotals;
  version: number;
  /** Numbers of the comparisons with the state store in which these totals came, were listed, were contradicted. */
  changedIn: number;
  listedIn: number;
  contradictedIn: number;
}

/** Posteriors of one (agent type, code type), and the allocation made from them. */
export class CodeTypeAllocation {
  readonly totals = new Map<VariantId, KnownTotals>();
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #priorsOf: PriorSource;
  #allocator: Allocator | undefined;
  #policy: PolicyRecord | undefined;
  #agentType: AgentTypeEntry | undefined;
  /** Arms whose totals the allocator has not been told of: frozen means that it is not told. */
  readonly #changed = new Set<VariantId>();
  #priors: ArmPriors | undefined;
  #position = 0;
  /** The allocator knows more than the allocation was made of. */
  #isStale = false;
  #computedAtMonotonicMs = Number.NEGATIVE_INFINITY;
  #current: CurrentAllocation | undefined;

  constructor(options: { clock: Clock; telemetry: Telemetry; priorsOf: PriorSource }) {
    this.#clock = options.clock;
    this.#telemetry = options.telemetry;
    this.#priorsOf = options.priorsOf;
  }

  /** Takes newer totals in. False when they were known already. */
  accept(update: ArmTotals, comparison: number): boolean {
    const known = this.totals.get(update.variantId);
    if (known !== undefined && known.version >= update.version) return false;
    this.#set(update, comparison);
    return true;
  }

  /** Takes in what the comparison of that number has listed. False when that has changed nothing. */
  compare(listed: ArmTotals, comparison: number): boolean {
    if (this.accept(listed, comparison)) return true;
    const known = this.totals.get(listed.variantId) as KnownTotals;
    known.listedIn = comparison;
    const isSame = known.version === listed.version && areSameTotals(known.totals, listed.totals);
    if (isSame || !isContradictedAgain(known, comparison)) return false;
    this.#set(listed, comparison);
    return true;
  }

  /** Forgets the arms that the comparison of that number and the one before it did not list. False: there were none. */
  forgetUnlisted(comparison: number): boolean {
    let forgotten = false;
    for (const [variantId, known] of this.totals) {
      if (known.listedIn === comparison) continue;
      const isFromSnapshot = known.version === snapshotVersion;
      if (!isFromSnapshot && !isContradictedAgain(known, comparison)) continue;
      this.totals.delete(variantId);
      this.#changed.add(variantId);
      forgotten = true;
    }
    return forgotten;
  }

  #set({ variantId, totals, version }: ArmTotals, comparison: number): void {
    this.totals.set(variantId, {
      totals,
      version,
      changedIn: comparison,
      listedIn: comparison,
      contradictedIn: 0,
    });
    this.#changed.add(variantId);
  }

  /**
   * The allocation in force. Recomputed when totals, priors or what is forgotten have changed and the refresh
   * interval has passed; a contextual policy's is made from that state for each request.
   */
  current(entry: AgentTypeEntry, codeType: CodeType, features: Features): CurrentAllocation {
    const policy = this.#follow(entry, codeType);
    const current = this.#refresh(entry, policy);
    const values = contextIn(policy, features);
    if (values === undefined) return current;
    const allocation = (this.#allocator as Allocator).allocate({
      position: this.#position,
      context: values,
    });
    const context = { epoch: policy.featuresSinceMs, values };
    return { allocation, computedAtMs: current.computedAtMs, context };
  }

  /** Posterior of every arm, from the newest totals; in any mode but learning, from those in force. */
  posteriors(entry: AgentTypeEntry, codeType: CodeType, features: Features): ArmPosterior[] {
    const policy = this.#follow(entry, codeType);
    this.#refresh(entry, policy);
    if (entry.mode === "learning") this.#takeIn(entry, policy);
    const context = contextIn(policy, features);
    return (this.#allocator as Allocator).posteriors({
      position: this.#position,
      ...(context === undefined ? {} : { context }),
    });
  }

  /** Priors in force; undefined when they are the policy's own. */
  get priors(): ArmPriors | undefined {
    return this.#priors;
  }

  #refresh(entry: AgentTypeEntry, policy: PolicyRecord): CurrentAllocation {
    const startedMs = this.#clock.monotonicMs();
    if (this.#current !== undefined) {
      // Frozen means as it is now: also what was learned a moment before the freeze waits for its end.
      if (entry.mode !== "learning") return this.#current;
      if (startedMs - this.#computedAtMonotonicMs < policy.policy.refreshIntervalMs) {
        return this.#current;
      }
      if (!this.#isOutdated(entry, policy)) return this.#current;
    }
    this.#takeIn(entry, policy);
    const allocation = (this.#allocator as Allocator).allocate({ position: this.#position });
    this.#isStale = false;
    this.#current = { allocation, computedAtMs: this.#clock.nowMs() };
    this.#computedAtMonotonicMs = startedMs;
    this.#telemetry.count("bandit_allocation_refreshes_total");
    this.#telemetry.observeMs(
      "bandit_allocation_refresh_duration_ms",
      this.#clock.monotonicMs() - startedMs,
    );
    return this.#current;
  }

  #isOutdated(entry: AgentTypeEntry, policy: PolicyRecord): boolean {
    return (
      this.#isStale ||
      this.#changed.size > 0 ||
      forgettingPosition(policy, this.#clock.nowMs()) - this.#position >= forgettingStep ||
      this.#priorsOf(entry, policy) !== this.#priors
    );
  }

  /** Tells the allocator everything that is new. */
  #takeIn(entry: AgentTypeEntry, policy: PolicyRecord): void {
    const allocator = this.#allocator as Allocator;
    for (const variantId of this.#changed) {
      allocator.setTotals(variantId, this.totals.get(variantId)?.totals ?? zeroTotals);
    }
    this.#changed.clear();
    this.#isStale = true;
    this.#position = forgettingPosition(policy, this.#clock.nowMs());
    const priors = this.#priorsOf(entry, policy);
    if (priors !== this.#priors) allocator.setPriors(priors ?? new Map());
    this.#priors = priors;
  }

  /** The catalogue has changed: a new pool or policy needs a new allocator; anything else does not. */
  #follow(entry: AgentTypeEntry, codeType: CodeType): PolicyRecord {
    const before = this.#agentType;
    if (entry === before) return this.#policy as PolicyRecord;
    const policy = policyFor(entry, codeType);
    this.#agentType = entry;
    const isSame =
      before !== undefined &&
      policy.etag === this.#policy?.etag &&
      before.baseline.id === entry.baseline.id &&
      before.pool.length === entry.pool.length &&
      before.pool.every((id, index) => id === entry.pool[index]);
    // An override keeps its etag when the agent type's forgetting changes.
    this.#policy = policy;
    if (isSame) return policy;
    this.#allocator = new Allocator({
      policy: policy.policy,
      variantIds: entry.pool,
      baselineId: entry.baseline.id,
      contextEpoch: policy.featuresSinceMs,
    });
    for (const variantId of this.totals.keys()) this.#changed.add(variantId);
    this.#priors = undefined;
    this.#current = undefined;
    return policy;
  }
}

/**
 * Notes that the state store says otherwise than memory; true when it did so in the comparison before too.
 * What has come since this comparison began may be newer than what the store was asked for.
 */
function isContradictedAgain(known: KnownTotals, comparison: number): boolean {
  if (known.changedIn === comparison) return false;
  const again = known.contradictedIn === comparison - 1;
  known.contradictedIn = comparison;
  return again;
}

/** What a contextual policy sees of a request; undefined for the other policies. */
function contextIn({ policy }: PolicyRecord, features: Features): number[] | undefined {
  const { algorithm } = policy;
  if (algorithm.kind !== "linear_thompson") return undefined;
  return contextOf(algorithm.features, features);
}
