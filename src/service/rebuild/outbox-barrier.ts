import { setTimeout as sleep } from "node:timers/promises";
import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StateStore } from "../../ports/state-store.ts";
import { requireGoing } from "./read-pages.ts";

/** A process that has died keeps its events for a minute before another one takes them over. */
const waitMsMax = 90_000;
const pauseMs = 20;

export interface OutboxBarrierOptions {
  readonly state: StateStore;
  readonly drain: { flush(): Promise<void> };
  readonly clock: Clock;
}

/**
 * Resolves when everything that is in the outbox now is in the event log, also what other replicas are
 * draining at this moment.
 * @throws BanditError unavailable (`EVENTS_PENDING`) when that takes longer than 90 s; what the engines say
 */
export async function passOutbox(
  { state, drain, clock }: OutboxBarrierOptions,
  signal: AbortSignal,
): Promise<void> {
  const mark = await state.repair.markOutbox();
  const deadlineMs = clock.monotonicMs() + waitMsMax;
  for (;;) {
    await drain.flush();
    if (await state.repair.isOutboxPast(mark)) return;
    requireGoing(signal);
    if (clock.monotonicMs() > deadlineMs) {
      throw new BanditError(
        "unavailable",
        "other processes have events that are not in the event log yet; see bandit_event_lag_seconds",
        { reason: "EVENTS_PENDING", retryAfterMs: 10_000 },
      );
    }
    await sleep(pauseMs);
  }
}
