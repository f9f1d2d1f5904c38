import type { DecisionRecord } from "../../domain/decision.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { StateOrigin } from "../../ports/state-repair.ts";
import type {
  ApplyContributionsInput,
  ApplyContributionsResult,
  RecordDecisionInput,
  StateStore,
} from "../../ports/state-store.ts";
import { StateBreaker, type StateBreakerOptions } from "./state-breaker.ts";

/** How long a caller waits. */
export interface CallerWaits {
  /** Moment of the monotonic clock after which nobody waits; absent: the call may take the store's own time. */
  readonly byMs?: number;
}

/**
 * The half of the state store that callers wait for, behind its breaker: while the store is out of reach, calls fail at
 * once instead of waiting. Work in the background, which has time, uses the store itself.
 *
 * Methods reject as those of the store do, and with `deadline_exceeded` when `byMs` comes first; the call may have been
 * done then.
 */
export class OnlineState extends StateBreaker {
  readonly #state: StateStore;

  constructor(options: StateBreakerOptions & { readonly state: StateStore }) {
    super(options);
    this.#state = options.state;
  }

  recordDecision(
    input: RecordDecisionInput,
    { byMs }: CallerWaits = {},
  ): Promise<DecisionRecord | undefined> {
    return this.call(() => this.#state.recordDecision(input), byMs);
  }

  findDecision(
    generationId: GenerationId,
    { byMs }: CallerWaits = {},
  ): Promise<DecisionRecord | undefined> {
    return this.call(() => this.#state.findDecision(generationId), byMs);
  }

  applyContributions(
    input: ApplyContributionsInput,
    { byMs }: CallerWaits = {},
  ): Promise<ApplyContributionsResult> {
    return this.call(() => this.#state.applyContributions(input), byMs);
  }

  findOrigin({ byMs }: CallerWaits = {}): Promise<StateOrigin | undefined> {
    return this.call(() => this.#state.repair.findOrigin(), byMs);
  }
}
