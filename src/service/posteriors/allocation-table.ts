import { baselineAllocation } from "../../bandit/allocation.ts";
import type { ArmPriors } from "../../bandit/allocator.ts";
import type { ArmPosterior } from "../../bandit/arm-posterior.ts";
import { type RewardTotals, zeroTotals } from "../../domain/contribution.ts";
import type { AgentType, CodeType, VariantId } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ArmKey, ArmTotals } from "../../ports/state-store.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { AgentTypeEntry } from "../catalogue/catalogue-view.ts";
import {
  CodeTypeAllocation,
  type CurrentAllocation,
  type Features,
  snapshotVersion,
} from "./code-type-allocation.ts";
import { SharedPriors } from "./shared-priors.ts";

/** Code types of one agent type that may have posteriors of their own. */
export const codeTypesPerAgentTypeMax = 10_000;
/** Allocations of code types without outcomes kept at once; they follow from policies alone, so any may be made anew. */
const withoutOutcomesMax = 10_000;

/**
 * Versions that one announcement leaves out at most, as long as they count changes. A rebuild gives versions far
 * above, and what it puts right was not learned now.
 */
const changesAtOnceMax = 1_000_000;

/** Told what an arm's totals were and are. */
export type LearnedListener = (arm: ArmKey, before: RewardTotals, after: RewardTotals) => void;

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
  readonly #sharedPriors = new Map<AgentType, SharedPriors>();
  readonly #onLearned: LearnedListener | undefined;
  readonly #static = new WeakMap<AgentTypeEntry, CurrentAllocation>();
  #changes = 0;
  /** Number of the comparison with the state store that is under way, or was last. */
  #comparison = 1;

  /** @param options.onLearned is told of every announced change of an arm whose totals were known before. */
  constructor(options: { clock: Clock; telemetry: Telemetry; onLearned?: LearnedListener }) {
    this.#clock = options.clock;
    this.#telemetry = options.telemetry;
    this.#onLearned = options.onLearned;
  }

  /** What to draw from now, by the agent type's mode and policy, for what is known of the input. */
  current(entry: AgentTypeEntry, codeType: CodeType, features: Features): CurrentAllocation {
    if (entry.mode === "static") return this.#staticAllocation(entry);
    return this.#find(entry, codeType).current(entry, codeType, features);
  }

  /** Posteriors and probabilities of every arm, ordered by variant id, and the priors learned from other code types. */
  posteriors(
    entry: AgentTypeEntry,
    codeType: CodeType,
    features: Features,
  ): { posteriors: ArmPosterior[]; sharedPriors: ArmPriors | undefined } {
    const allocation = this.#find(entry, codeType);
    const posteriors = allocation.posteriors(entry, codeType, features);
    return { posteriors, sharedPriors: allocation.priors };
  }

  totals(agentType: AgentType, codeType: CodeType, variantId: VariantId): RewardTotals {
    const known = this.#byAgentType.get(agentType)?.get(codeType)?.totals.get(variantId);
    return known?.totals ?? zeroTotals;
  }

  /** Takes in what the state store announces about one arm. Older versions are ignored. */
  accept(update: ArmTotals): void {
    const allocation = this.#findOrAdd(update);
    const heldBefore = allocation.totals.get(update.variantId);
    // What came from a snapshot says how much was known, not what the store's changes go on from.
    const before = heldBefore?.version === snapshotVersion ? undefined : heldBefore?.totals;
    if (!allocation.accept(update, this.#comparison)) return;
    this.#noteChange(update.agentType);
    // The first change of an arm is the whole of it; a jump over unknown ones is what start-up gives.
    const known = before ?? (update.totals.generations === 1 ? zeroTotals : undefined);
    const isRebuilt = update.version - (heldBefore?.version ?? 0) > changesAtOnceMax;
    if (known !== undefined && !isRebuilt) this.#onLearned?.(update, known, update.totals);
  }

  /**
   * Takes in what was known of an arm when a snapshot was made. Anything the state store says replaces it, whatever
   * its version, and an arm that the first comparison does not list is forgotten by it.
   */
  restore({ totals, ...arm }: ArmKey & Pick<ArmTotals, "totals">): void {
    const { agentType, codeType, variantId } = arm;
    const update = { agentType, codeType, variantId, totals, version: snapshotVersion };
    if (this.#findOrAdd(update).accept(update, this.#comparison)) this.#noteChange(agentType);
  }

  /** Everything known now, for a snapshot. What changes while it is read may be in it or not. */
  *known(): Iterable<ArmTotals> {
    for (const [agentType, codeTypes] of this.#byAgentType) {
      for (const [codeType, { totals: arms }] of codeTypes) {
        for (const [variantId, { totals, version }] of arms) {
          yield { agentType, codeType, variantId, totals, version };
        }
      }
    }
  }

  /** True when nothing is known of any arm. */
  get isEmpty(): boolean {
    for (const codeTypes of this.#byAgentType.values()) {
      for (const { totals } of codeTypes.values()) if (totals.size > 0) return false;
    }
    return true;
  }

  /** Counts the changes of the totals. */
  get changes(): number {
    return this.#changes;
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
    const changed = this.#findOrAdd(listed).compare(listed, this.#comparison);
    if (changed) this.#noteChange(listed.agentType);
  }

  /** Ends a comparison in which everything was listed, in steps, so that others can have their turn. */
  *forgetUnlisted(): Generator<void, void, void> {
    for (const [agentType, codeTypes] of this.#byAgentType) {
      for (const [codeType, allocation] of codeTypes) {
        const forgotten = allocation.forgetUnlisted(this.#comparison);
        if (forgotten) this.#noteChange(agentType);
        if (allocation.totals.size === 0) codeTypes.delete(codeType);
        yield;
      }
    }
    this.#telemetry.gauge("bandit_allocations", this.#count());
  }

  #noteChange(agentType: AgentType): void {
    this.#changes += 1;
    this.#priorsOf(agentType).noteChange();
  }

  #findOrAdd(update: ArmTotals): CodeTypeAllocation {
    let codeTypes = this.#byAgentType.get(update.agentType);
    if (codeTypes === undefined) {
      codeTypes = new Map();
      this.#byAgentType.set(update.agentType, codeTypes);
    }
    let allocation = codeTypes.get(update.codeType);
    if (allocation === undefined) {
      allocation = this.#newAllocation(update.agentType, update.codeType);
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
    // One per agent type and override. Overrides that are gone leave theirs behind until there are too many.
    const override = entry.overrides.get(codeType);
    const key = `${entry.record.agentType}|${override?.codeType ?? ""}`;
    let shared = this.#withoutOutcomes.get(key);
    if (shared === undefined) {
      if (this.#withoutOutcomes.size >= withoutOutcomesMax) this.#withoutOutcomes.clear();
      shared = this.#newAllocation(entry.record.agentType, override?.codeType);
      this.#withoutOutcomes.set(key, shared);
    }
    return shared;
  }

  /** @param codeType absent: for all that have no outcomes */
  #newAllocation(agentType: AgentType, codeType: CodeType | undefined): CodeTypeAllocation {
    return new CodeTypeAllocation({
      clock: this.#clock,
      telemetry: this.#telemetry,
      priorsOf: (entry, policy) => this.#priorsOf(agentType).priorsOf(entry, policy, codeType),
    });
  }

  #priorsOf(agentType: AgentType): SharedPriors {
    let priors = this.#sharedPriors.get(agentType);
    if (priors === undefined) {
      priors = new SharedPriors({
        clock: this.#clock,
        telemetry: this.#telemetry,
        codeTypes: () => this.#byAgentType.get(agentType) ?? new Map(),
      });
      this.#sharedPriors.set(agentType, priors);
    }
    return priors;
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
