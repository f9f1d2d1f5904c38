import type { OutboxEvent } from "./state-store.ts";

/** Bytes of the rows of one outbox entry at most; an entry of a single row may have more. */
export const outboxEntryBytesMax = 4 * 2 ** 20;
/** Bytes of rows that one reading of the outbox returns at most, an entry more or less; at least one entry. */
export const outboxReadBytesMax = 16 * 2 ** 20;
/** Bytes of rows written in one atomic step at most, or one call. */
export const stepBytesMax = 8 * 2 ** 20;
/** Bytes of rows that calls which wait for a state store may hold. */
export const waitingBytesMax = 256 * 2 ** 20;

/** Longer rows are measured exactly; of shorter ones the characters are counted, which costs nothing. */
const exactFromLength = 4096;

/** Bytes an event's row takes, near enough for a bound. */
export function eventBytes({ row }: OutboxEvent): number {
  return row.length < exactFromLength ? row.length : Buffer.byteLength(row);
}

/** Cuts the rows of one step into those of entries that keep to {@link outboxEntryBytesMax} and `rowsMax`. */
export function cutIntoEntries(rows: readonly string[], rowsMax: number): readonly string[][] {
  const entries: string[][] = [];
  let entry: string[] = [];
  let bytes = 0;
  for (const row of rows) {
    const rowBytes = row.length < exactFromLength ? 3 * row.length : Buffer.byteLength(row);
    if (entry.length >= rowsMax || (entry.length > 0 && bytes + rowBytes > outboxEntryBytesMax)) {
      entries.push(entry);
      entry = [];
      bytes = 0;
    }
    entry.push(row);
    bytes += rowBytes + 1;
  }
  if (entry.length > 0) entries.push(entry);
  return entries;
}
