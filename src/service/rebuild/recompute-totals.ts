import {
  defaultRewardComponent,
  type GenerationChange,
  type GenerationTotals,
  generationTotals,
  type LedgerEntry,
  type RewardTotals,
  replaceInTotals,
  zeroTotals,
} from "../../domain/contribution.ts";
import type { VariantId } from "../../domain/ids.ts";
import type { PolicyRecord } from "../../domain/policy.ts";
import type { LoggedEvent, LoggedGeneration } from "../../ports/generation-log.ts";
import { positionBookedAt } from "../booked-position.ts";
import { putEvent, sortedLedger } from "./logged-ledger.ts";

const nothing: GenerationTotals = { reward: 0, weight: 0, squares: 0, generations: 0 };

/**
 * The totals of the arms of one code type, from what the event log has of its generations: the fold that the
 * state stores have made event by event (invariant I2). Generations may come in any order.
 */
export class RecomputedTotals {
  readonly #policy: PolicyRecord | undefined;
  readonly #arms = new Map<VariantId, RewardTotals>();

  /**
   * @param policy in force, for positions that a clock ahead of the others gave ({@link positionBookedAt}): one
   * that was booked under an earlier half-life is capped by this one. Absent: none is capped.
   */
  constructor(policy: PolicyRecord | undefined) {
    this.#policy = policy;
  }

  /** Arms that something was learned of. */
  get arms(): ReadonlyMap<VariantId, RewardTotals> {
    return this.#arms;
  }

  /** @returns how many events something was learned from. */
  add(generation: LoggedGeneration): number {
    const events = learnedEvents(generation);
    if (events.length === 0) return 0;
    let totals = this.#arms.get(generation.variantId) ?? zeroTotals;
    for (const change of this.#changes(generation, events)) {
      totals = replaceInTotals(totals, change);
    }
    this.#arms.set(generation.variantId, totals);
    return events.length;
  }

  /** Takes out what {@link add} has put in for the generation as it was then. */
  remove(generation: LoggedGeneration): void {
    const events = learnedEvents(generation);
    let totals = this.#arms.get(generation.variantId) ?? zeroTotals;
    for (const change of this.#changes(generation, events).toReversed()) {
      const { before, after } = change;
      totals = replaceInTotals(totals, { ...change, before: after, after: before });
    }
    this.#arms.set(generation.variantId, totals);
  }

  /** What is put in and taken out again at the same position leaves nothing: only the last one is booked. */
  #changes(
    generation: LoggedGeneration,
    events: readonly LoggedEvent[],
  ): readonly GenerationChange[] {
    const context = generation.decision?.context;
    const placed = context === undefined ? {} : { context };
    const changes: GenerationChange[] = [];
    const entries = new Map<string, LedgerEntry>();
    let before = nothing;
    for (const [index, event] of events.entries()) {
      putEvent(entries, event);
      const position = this.#positionOf(generation, event);
      const next = events[index + 1];
      if (next !== undefined && this.#positionOf(generation, next) === position) continue;
      const after = generationTotals(sortedLedger(entries));
      changes.push({ before, after, position, ...placed });
      before = after;
    }
    return changes;
  }

  #positionOf({ decision }: LoggedGeneration, event: LoggedEvent): number {
    if (decision === undefined) return 0;
    const isDefault = event.contributions[0]?.component === defaultRewardComponent;
    // A default reward is booked long after the decision, at the decision's own position.
    if (this.#policy === undefined || isDefault) return decision.forgettingPosition;
    return positionBookedAt(decision, this.#policy, event.receivedAtMs);
  }
}

function learnedEvents({ events }: LoggedGeneration): readonly LoggedEvent[] {
  return events.filter(({ contributions }) => contributions.length > 0);
}
