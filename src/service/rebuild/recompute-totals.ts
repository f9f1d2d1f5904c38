import {
  defaultRewardComponent,
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
  #events = 0;

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

  /** Events that were taken in. */
  get events(): number {
    return this.#events;
  }

  add(generation: LoggedGeneration): void {
    const { variantId, decision } = generation;
    const events = generation.events.filter(({ contributions }) => contributions.length > 0);
    this.#events += events.length;
    const context = decision?.context;
    let totals = this.#arms.get(variantId) ?? zeroTotals;
    let before = nothing;
    const entries = new Map<string, LedgerEntry>();
    for (const [index, event] of events.entries()) {
      putEvent(entries, event);
      const position = this.#positionOf(generation, event);
      // What is put in and taken out again at the same position leaves nothing: only the last one is booked.
      const next = events[index + 1];
      if (next !== undefined && this.#positionOf(generation, next) === position) continue;
      const after = generationTotals(sortedLedger(entries));
      totals = replaceInTotals(totals, {
        before,
        after,
        position,
        ...(context === undefined ? {} : { context }),
      });
      before = after;
    }
    if (events.length > 0) this.#arms.set(variantId, totals);
  }

  #positionOf({ decision }: LoggedGeneration, event: LoggedEvent): number {
    if (decision === undefined) return 0;
    const isDefault = event.contributions[0]?.component === defaultRewardComponent;
    // A default reward is booked long after the decision, at the decision's own position.
    if (this.#policy === undefined || isDefault) return decision.forgettingPosition;
    return positionBookedAt(decision, this.#policy, event.receivedAtMs);
  }
}
