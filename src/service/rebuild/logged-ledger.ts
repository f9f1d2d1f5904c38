import { type LedgerEntry, supersedes } from "../../domain/contribution.ts";
import type { LoggedEvent } from "../../ports/generation-log.ts";

/** A generation's ledger as its events make it: the newest value of each component, sorted by component. */
export function ledgerOf(events: readonly LoggedEvent[]): readonly LedgerEntry[] {
  const [only] = events;
  if (only === undefined) return [];
  const entries = new Map<string, LedgerEntry>();
  for (const event of events) putEvent(entries, event);
  return sortedLedger(entries);
}

/** Takes one more event in. */
export function putEvent(entries: Map<string, LedgerEntry>, event: LoggedEvent): void {
  const { occurredAtMs, eventId } = event;
  for (const contribution of event.contributions) {
    const current = entries.get(contribution.component);
    if (current !== undefined && !supersedes(event, current)) continue;
    entries.set(contribution.component, { ...contribution, occurredAtMs, eventId });
  }
}

/** In the order in which state stores add up, so that sums come out the same to the last bit. */
export function sortedLedger(entries: ReadonlyMap<string, LedgerEntry>): readonly LedgerEntry[] {
  return [...entries.values()].sort((a, b) => (a.component < b.component ? -1 : 1));
}
