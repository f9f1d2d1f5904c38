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
export class OnlineState {
  readonly #state: StateStore;
  readonly #breaker: StateBreaker;

  constructor(options: StateBreakerOptions & { readonly state: StateStore }) {
    this.#state = options.state;
    this.#breaker = new StateBreaker(options);
  }

  recordDecision(
    input: RecordDecisionInput,
    { byMs }: CallerWaits = {},
  ): Promise<DecisionRecord | undefined> {
    return this.#breaker.call(() => this.#state.recordDecision(input), byMs);
  }

  findDecision(
    generationId: GenerationId,
    { byMs }: CallerWaits = {},
  ): Promise<DecisionRecord | undefined> {
    return this.#breaker.call(() => this.#state.findDecision(generationId), byMs);
  }

  applyContributions(
    input: ApplyContributionsInput,
    { byMs }: CallerWaits = {},
  ): Promise<ApplyContributionsResult> {
    return this.#breaker.call(() => this.#state.applyContributions(input), byMs);
  }

  findOrigin({ byMs }: CallerWaits = {}): Promise<StateOrigin | undefined> {
    return this.#breaker.call(() => this.#state.repair.findOrigin(), byMs);
  }

  /** False from the first sign of an outage until the store has answered a probe. */
  get available(): boolean {
    return this.#breaker.available;
  }

  /** Milliseconds since the last outage ended; infinite when there was none. */
  get sinceRecoveryMs(): number {
    return this.#breaker.sinceRecoveryMs;
  }

  /** `listener` is called whenever an outage has ended. */
  onRecovered(listener: () => void): void {
    this.#breaker.onRecovered(listener);
  }

  /** No further probe is made. */
  stop(): void {
    this.#breaker.stop();
  }
}
