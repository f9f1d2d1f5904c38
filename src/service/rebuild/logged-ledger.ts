import { defaultRewardComponent, type LedgerEntry, supersedes } from "../../domain/contribution.ts";
import type { PolicyRecord } from "../../domain/policy.ts";
import type { LoggedEvent, LoggedGeneration } from "../../ports/generation-log.ts";
import { positionBookedAt } from "../recording/retention.ts";

/** Entries of a generation's ledger as its events make it: the newest value of each component, sorted by component. */
export function ledgerOf(events: readonly LoggedEvent[]): readonly LedgerEntry[] {
  const entries = new Map<string, LedgerEntry>();
  for (const event of events) {
    const { occurredAtMs, eventId } = event;
    for (const contribution of event.contributions) {
      const current = entries.get(contribution.component);
      if (current !== undefined && !supersedes(event, current)) continue;
      entries.set(contribution.component, { ...contribution, occurredAtMs, eventId });
    }
  }
  // In the order in which state stores add up, so that sums come out the same to the last bit.
  return [...entries.values()].sort((a, b) => (a.component < b.component ? -1 : 1));
}

/** Those of a generation that something was learned from. */
export function learnedEvents({ events }: LoggedGeneration): readonly LoggedEvent[] {
  return events.filter(({ contributions }) => contributions.length > 0);
}

/**
 * The forgetting position at which a generation counts: the smallest at which its events were booked, whatever the order
 * in which they came; undefined when nothing was learned from them.
 * @param policy in force, for positions that a clock ahead of the others gave ({@link positionBookedAt}): one
 * that was booked under an earlier half-life is capped by this one. Absent: none is capped.
 */
export function loggedPosition(
  generation: LoggedGeneration,
  policy: PolicyRecord | undefined,
): number | undefined {
  const events = learnedEvents(generation);
  if (events.length === 0) return undefined;
  const { decision } = generation;
  if (decision === undefined) return 0;
  let position = decision.forgettingPosition;
  if (policy === undefined) return position;
  for (const { contributions, receivedAtMs } of events) {
    // A default reward is booked long after the decision, at the decision's own position.
    if (contributions[0]?.component === defaultRewardComponent) continue;
    position = Math.min(position, positionBookedAt(decision, policy, receivedAtMs));
  }
  return position;
}
