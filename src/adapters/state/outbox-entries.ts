import { outboxEntryBytesMax } from "../../ports/outbox-bounds.ts";
import type { OutboxEvent } from "../../ports/state-store.ts";

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
