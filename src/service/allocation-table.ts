import { type Allocation, baselineAllocation } from "../bandit/allocation.ts";
import { Allocator } from "../bandit/allocator.ts";
import { type RewardTotals, zeroTotals } from "../domain/contribution.ts";
import type { AgentType, CodeType, VariantId } from "../domain/ids.ts";
import type { PolicyRecord } from "../domain/policy.ts";
import type { Clock } from "../ports/clock.ts";
import type { ArmTotals } from "../ports/state-store.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { type AgentTypeEntry, policyFor } from "./catalogue-view.ts";

/** Code types of one agent type that may have posteriors of their own. */
const codeTypesPerAgentTypeMax = 10_000;

/** An allocation, and when it was computed. */
export interface CurrentAllocation {
  readonly allocation: Allocation;
  readonly computedAtMs: number;
}

interface KnownTotals {
  totals: RewardTotals;
  version: number;
  /** Numbers of the comparisons with the state store in which these totals came, were listed, were contradicted. */
  changedIn: number;
  listedIn: number;
  contradictedIn: number;
}

/** What is known about one (agent type, code type), and the allocation made from it. */
class CodeTypeAllocation {
  readonly totals = new Map<VariantId, KnownTotals>();
  #allocator: Allocator | undefined;
  #policy: PolicyRecord | undefined;
  #agentType: AgentTypeEntry | undefined;
  #dirty = true;
  #computedAtMonotonicMs = Number.NEGATIVE_INFINITY;
  #current: CurrentAllocation | undefined;

  /** Takes newer totals in. False when they were known already. */
  accept(update: ArmTotals, comparison: number): boolean {
    const known = this.totals.get(update.variantId);
    if (known !== undefined && known.version >= update.version) return false;
    this.#set(update, comparison);
    return true;
  }

  /** Takes in what the comparison of that number has listed. */
  compare(listed: ArmTotals, comparison: number): void {
    if (this.accept(listed, comparison)) return;
    const known = this.totals.get(listed.variantId) as KnownTotals;
    known.listedIn = comparison;
    const isSame = known.version === listed.version && isEqual(known.totals, listed.totals);
    if (!isSame && isContradictedAgain(known, comparison)) this.#set(listed, comparison);
  }

  /** Forgets the arms that the comparison of that number and the one before it did not list. */
  forgetUnlisted(comparison: number): void {
    for (const [variantId, known] of this.totals) {
      if (known.listedIn === comparison || !isContradictedAgain(known, comparison)) continue;
      this.totals.delete(variantId);
      this.#allocator?.setTotals(variantId, zeroTotals);
      this.#dirty = true;
    }
  }

  #set({ variantId, totals, version }: ArmTotals, comparison: number): void {
    this.totals.set(variantId, {
      totals,
      version,
      changedIn: comparison,
      listedIn: comparison,
      contradictedIn: 0,
    });
    this.#allocator?.setTotals(variantId, totals);
    this.#dirty = true;
  }

  /** The allocation in force; recomputed when something changed and the refresh interval has passed. */
  current(
    entry: AgentTypeEntry,
    codeType: CodeType,
    clock: Clock,
    telemetry: Telemetry,
  ): CurrentAllocation {
    if (entry !== this.#agentType) this.#follow(entry, codeType);
    // Frozen means as it is now: also what was learned a moment before the freeze waits for its end.
    const mayRefresh = this.#dirty && entry.mode === "learning";
    if (this.#current !== undefined && !mayRefresh) return this.#current;
    const startedMs = clock.monotonicMs();
    const policy = this.#policy as PolicyRecord;
    if (
      this.#current !== undefined &&
      startedMs - this.#computedAtMonotonicMs < policy.policy.refreshIntervalMs
    ) {
      return this.#current;
    }
    const allocation = this.allocator(entry, codeType).allocate();
    this.#current = { allocation, computedAtMs: clock.nowMs() };
    this.#dirty = false;
    this.#computedAtMonotonicMs = startedMs;
    telemetry.count("bandit_allocation_refreshes_total");
    telemetry.observeMs("bandit_allocation_refresh_duration_ms", clock.monotonicMs() - startedMs);
    return this.#current;
  }

  allocator(entry: AgentTypeEntry, codeType: CodeType): Allocator {
    if (entry !== this.#agentType) this.#follow(entry, codeType);
    return this.#allocator as Allocator;
  }

  /** The catalogue has changed: a new pool or policy needs a new allocator; anything else does not. */
  #follow(entry: AgentTypeEntry, codeType: CodeType): void {
    const policy = policyFor(entry, codeType);
    const before = this.#agentType;
    this.#agentType = entry;
    if (
      before !== undefined &&
      policy.etag === this.#policy?.etag &&
      before.baseline.id === entry.baseline.id &&
      before.pool.length === entry.pool.length &&
      before.pool.every((id, index) => id === entry.pool[index])
    ) {
      return;
    }
    this.#policy = policy;
    this.#allocator = new Allocator({
      policy: policy.policy,
      variantIds: entry.pool,
      baselineId: entry.baseline.id,
    });
    for (const [variantId, { totals }] of this.totals) {
      this.#allocator.setTotals(variantId, totals);
    }
    this.#dirty = true;
    this.#current = undefined;
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

function isEqual(a: RewardTotals, b: RewardTotals): boolean {
  return a.reward === b.reward && a.weight === b.weight && a.generations === b.generations;
}

/**
 * The allocations of every (agent type, code type), in memory. Reading one costs a look-up; one whose
 * posteriors have changed is recomputed by the first decision after its refresh interval.
 *
 * Code types without any outcome share one allocation per policy, so that made-up code types cost no memory.
 */
export class AllocationTable {
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #byAgentType = new Map<AgentType, Map<CodeType, CodeTypeAllocation>>();
  readonly #withoutOutcomes = new Map<string, CodeTypeAllocation>();
  readonly #static = new WeakMap<AgentTypeEntry, CurrentAllocation>();
  /** Number of the comparison with the state store that is under way, or was last. */
  #comparison = 1;

  constructor(options: { clock: Clock; telemetry: Telemetry }) {
    this.#clock = options.clock;
    this.#telemetry = options.telemetry;
  }

  /** What to draw from now, by the agent type's mode and policy. */
  current(entry: AgentTypeEntry, codeType: CodeType): CurrentAllocation {
    if (entry.mode === "static") return this.#staticAllocation(entry);
    return this.#find(entry, codeType).current(entry, codeType, this.#clock, this.#telemetry);
  }

  /** Posteriors and probabilities of every arm, from the newest totals. */
  allocator(entry: AgentTypeEntry, codeType: CodeType): Allocator {
    return this.#find(entry, codeType).allocator(entry, codeType);
  }

  totals(agentType: AgentType, codeType: CodeType, variantId: VariantId): RewardTotals {
    const known = this.#byAgentType.get(agentType)?.get(codeType)?.totals.get(variantId);
    return known?.totals ?? zeroTotals;
  }

  /** Takes in what the state store announces about one arm. Older versions are ignored. */
  accept(update: ArmTotals): void {
    this.#findOrAdd(update).accept(update, this.#comparison);
  }

  /**
   * Begins a comparison with everything the state store has: {@link compare} for each arm it lists, then
   * {@link forgetUnlisted}. A store can go back, when it is restored or a failover has lost writes: what
   * two comparisons in a row find older or not at all in the store is taken from the store.
   */
  beginComparison(): void {
    this.#comparison += 1;
  }

  compare(listed: ArmTotals): void {
    this.#findOrAdd(listed).compare(listed, this.#comparison);
  }

  /** Ends a comparison in which everything was listed, in steps, so that others can have their turn. */
  *forgetUnlisted(): Generator<void, void, void> {
    for (const codeTypes of this.#byAgentType.values()) {
      for (const [codeType, allocation] of codeTypes) {
        allocation.forgetUnlisted(this.#comparison);
        if (allocation.totals.size === 0) codeTypes.delete(codeType);
        yield;
      }
    }
    this.#telemetry.gauge("bandit_allocations", this.#count());
  }

  #findOrAdd(update: ArmTotals): CodeTypeAllocation {
    let codeTypes = this.#byAgentType.get(update.agentType);
    if (codeTypes === undefined) {
      codeTypes = new Map();
      this.#byAgentType.set(update.agentType, codeTypes);
    }
    let allocation = codeTypes.get(update.codeType);
    if (allocation === undefined) {
      allocation = new CodeTypeAllocation();
      codeTypes.set(update.codeType, allocation);
      this.#telemetry.gauge("bandit_allocations", this.#count());
    }
    return allocation;
  }

  /**
   * Whether events of this code type may be learned from: false, and counted, when a posterior for one
   * more code type of the agent type would be too many.
   */
  admit({ agentType, codeType }: { agentType: AgentType; codeType: CodeType }): boolean {
    const codeTypes = this.#byAgentType.get(agentType);
    if (codeTypes === undefined || codeTypes.has(codeType)) return true;
    if (codeTypes.size < codeTypesPerAgentTypeMax) return true;
    this.#telemetry.count("bandit_code_types_not_admitted_total");
    return false;
  }

  #find(entry: AgentTypeEntry, codeType: CodeType): CodeTypeAllocation {
    const known = this.#byAgentType.get(entry.record.agentType)?.get(codeType);
    if (known !== undefined) return known;
    // Overrides are few (they are in the catalogue), so this map is bounded by the catalogue's size.
    const override = entry.overrides.get(codeType);
    const key = `${entry.record.agentType}|${override?.codeType ?? ""}`;
    let shared = this.#withoutOutcomes.get(key);
    if (shared === undefined) {
      shared = new CodeTypeAllocation();
      this.#withoutOutcomes.set(key, shared);
    }
    return shared;
  }

  #staticAllocation(entry: AgentTypeEntry): CurrentAllocation {
    let current = this.#static.get(entry);
    if (current === undefined) {
      current = {
        allocation: baselineAllocation(entry.pool, entry.pool.indexOf(entry.baseline.id)),
        computedAtMs: this.#clock.nowMs(),
      };
      this.#static.set(entry, current);
    }
    return current;
  }

  #count(): number {
    let count = 0;
    for (const codeTypes of this.#byAgentType.values()) count += codeTypes.size;
    return count;
  }
}
