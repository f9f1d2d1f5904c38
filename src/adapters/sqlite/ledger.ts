import {
  type GenerationTotals,
  generationTotals,
  type LedgerEntry,
  supersedes,
} from "../../domain/contribution.ts";
import { BanditError } from "../../domain/errors.ts";
import {
  type ApplyContributionsInput,
  type ApplyContributionsResult,
  eventsPerGenerationMax,
} from "../../ports/state-store.ts";

/** Everything one generation has contributed, and the events it came from. */
export interface Ledger {
  /** Unix seconds. */
  readonly expiresAtSeconds: number;
  readonly eventIds: readonly string[];
  /** One per component, sorted by component, so that sums do not depend on the order of arrival. */
  readonly entries: readonly LedgerEntry[];
  /**
   * Forgetting position at which the generation counts: the smallest of its contributing events. Absent as long as it
   * has none: then it is the next event's.
   */
  readonly position?: number;
}

export interface LedgerChange {
  readonly status: ApplyContributionsResult["status"];
  readonly ledger: Ledger;
  readonly before: GenerationTotals;
  readonly after: GenerationTotals;
  /** Where `before` and `after` count. */
  readonly positionBefore: number;
  readonly position: number;
}

const emptyLedger: Ledger = { expiresAtSeconds: 0, eventIds: [], entries: [] };

/**
 * What `input` does to the ledger of its generation. Nothing is changed in place.
 * @throws BanditError resource_exhausted (TOO_MANY_OUTCOMES).
 */
export function applyToLedger(
  ledger: Ledger | undefined,
  input: Pick<
    ApplyContributionsInput,
    "eventId" | "occurredAtMs" | "contributions" | "forgettingPosition"
  >,
  expiresAtSeconds: number,
): LedgerChange {
  const known = ledger ?? emptyLedger;
  const before = generationTotals(known.entries);
  const positionBefore = known.position ?? input.forgettingPosition;
  if (known.eventIds.includes(input.eventId)) {
    const unchanged = { before, after: before, positionBefore, position: positionBefore };
    return { status: "duplicate", ledger: known, ...unchanged };
  }
  if (known.eventIds.length >= eventsPerGenerationMax) throw tooManyOutcomes();
  const entries = new Map(known.entries.map((entry) => [entry.component, entry]));
  let replaced = 0;
  let superseded = 0;
  for (const contribution of input.contributions) {
    const entry = { ...contribution, occurredAtMs: input.occurredAtMs, eventId: input.eventId };
    const put = putEntry(entries, entry);
    if (put === "older") superseded += 1;
    if (put === "replaced") replaced += 1;
  }
  const sorted = sortedEntries(entries);
  const contributes = input.contributions.length > 0;
  const position = contributes
    ? Math.min(positionBefore, input.forgettingPosition)
    : positionBefore;
  const allOlder = contributes && superseded === input.contributions.length;
  return {
    status: allOlder ? "superseded" : replaced > 0 ? "replaced" : "applied",
    ledger: {
      expiresAtSeconds: Math.max(expiresAtSeconds, known.expiresAtSeconds),
      eventIds: [...known.eventIds, input.eventId],
      entries: sorted,
      ...withPosition(contributes ? position : known.position),
    },
    before,
    after: generationTotals(sorted),
    positionBefore,
    position,
  };
}

/**
 * The ledger with what `restored` has and it lacks, whose values of one event win; undefined when it lacks nothing.
 * Its position is the restored one, unless an event of its own may have given a smaller one.
 */
export function mergeIntoLedger(
  ledger: Ledger | undefined,
  restored: Pick<Ledger, "eventIds" | "entries" | "position">,
  expiresAtSeconds: number,
): Ledger | undefined {
  const known = ledger ?? emptyLedger;
  const eventIds = new Set([...known.eventIds, ...restored.eventIds]);
  const entries = new Map(known.entries.map((entry) => [entry.component, entry]));
  const puts = restored.entries.map((entry) => putRestored(entries, entry));
  const hasMore = eventIds.size > new Set(restored.eventIds).size;
  const position = hasMore
    ? smallest(known.position, restored.position)
    : (restored.position ?? known.position);
  const isWhole =
    ledger !== undefined &&
    eventIds.size === known.eventIds.length &&
    position === known.position &&
    puts.every((put) => put === "older");
  if (isWhole) return undefined;
  return {
    expiresAtSeconds: Math.max(expiresAtSeconds, known.expiresAtSeconds),
    eventIds: [...eventIds],
    entries: sortedEntries(entries),
    ...withPosition(position),
  };
}

function smallest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

function withPosition(position: number | undefined): Pick<Ledger, "position"> {
  return position === undefined ? {} : { position };
}

/** Puts an entry in, the newest value of a component winning. */
function putEntry(
  entries: Map<string, LedgerEntry>,
  entry: LedgerEntry,
): "new" | "replaced" | "older" {
  const current = entries.get(entry.component);
  if (current !== undefined && !supersedes(entry, current)) return "older";
  entries.set(entry.component, entry);
  return current === undefined ? "new" : "replaced";
}

function putRestored(
  entries: Map<string, LedgerEntry>,
  entry: LedgerEntry,
): "new" | "replaced" | "older" {
  const current = entries.get(entry.component);
  if (current?.eventId !== entry.eventId) return putEntry(entries, entry);
  const isSame =
    current.value === entry.value &&
    current.weight === entry.weight &&
    current.penalty === entry.penalty &&
    current.occurredAtMs === entry.occurredAtMs;
  if (isSame) return "older";
  entries.set(entry.component, entry);
  return "replaced";
}

function sortedEntries(entries: ReadonlyMap<string, LedgerEntry>): LedgerEntry[] {
  return [...entries.values()].sort((a, b) => (a.component < b.component ? -1 : 1));
}

type LedgerJson = [
  expiresAtSeconds: number,
  eventIds: readonly string[],
  entries: [string, number, number, number, number, string][],
  position?: number,
];

/** As JSON. */
export function encodeLedger(ledger: Ledger): string {
  const json: LedgerJson = [
    ledger.expiresAtSeconds,
    ledger.eventIds,
    ledger.entries.map((entry) => [
      entry.component,
      entry.value,
      entry.weight,
      entry.penalty,
      entry.occurredAtMs,
      entry.eventId,
    ]),
  ];
  if (ledger.position !== undefined) json.push(ledger.position);
  return JSON.stringify(json);
}

/** Undoes {@link encodeLedger}. */
export function decodeLedger(text: string): Ledger {
  const [expiresAtSeconds, eventIds, entries, position] = JSON.parse(text) as LedgerJson;
  return {
    expiresAtSeconds,
    eventIds,
    entries: entries.map(([component, value, weight, penalty, occurredAtMs, eventId]) => ({
      component,
      value,
      weight,
      penalty,
      occurredAtMs,
      eventId,
    })),
    ...withPosition(position),
  };
}

function tooManyOutcomes(): BanditError {
  return new BanditError(
    "resource_exhausted",
    `a generation can have at most ${eventsPerGenerationMax} outcomes`,
    { reason: "TOO_MANY_OUTCOMES" },
  );
}
