import {
  type GenerationChange,
  type GenerationTotals,
  generationTotals,
  type RewardTotals,
  replaceInTotals,
  zeroTotals,
} from "../../domain/contribution.ts";
import type { VariantId } from "../../domain/ids.ts";
import type { PolicyRecord } from "../../domain/policy.ts";
import type { LoggedGeneration } from "../../ports/generation-log.ts";
import { learnedEvents, ledgerOf, loggedPosition } from "./logged-ledger.ts";

const nothing: GenerationTotals = { reward: 0, weight: 0, squares: 0, generations: 0 };

/**
 * The totals of the arms of one code type, from what the event log has of its generations: the fold that the
 * state stores have made event by event (invariant I2). Generations may come in any order.
 */
export class RecomputedTotals {
  readonly #policy: PolicyRecord | undefined;
  readonly #arms = new Map<VariantId, RewardTotals>();

  /** @param policy in force, see {@link loggedPosition}. */
  constructor(policy: PolicyRecord | undefined) {
    this.#policy = policy;
  }

  /** Arms that something was learned of. */
  get arms(): ReadonlyMap<VariantId, RewardTotals> {
    return this.#arms;
  }

  /** @returns how many events something was learned from. */
  add(generation: LoggedGeneration): number {
    this.#replace(generation, (known) => ({ before: nothing, after: known }));
    return learnedEvents(generation).length;
  }

  /** Takes out what {@link add} has put in for the generation as it was then. */
  remove(generation: LoggedGeneration): void {
    this.#replace(generation, (known) => ({ before: known, after: nothing }));
  }

  #replace(
    generation: LoggedGeneration,
    change: (known: GenerationTotals) => Pick<GenerationChange, "before" | "after">,
  ): void {
    const position = loggedPosition(generation, this.#policy);
    if (position === undefined) return;
    const context = generation.decision?.context;
    const totals = replaceInTotals(this.#arms.get(generation.variantId) ?? zeroTotals, {
      ...change(generationTotals(ledgerOf(generation.events))),
      position,
      ...(context === undefined ? {} : { context }),
    });
    this.#arms.set(generation.variantId, totals);
  }
}
