import { type EventStream, eventStreams } from "../ports/event-rows.ts";
import type { OutboxBatch, OutboxEntry } from "../ports/state-store.ts";

/** What is inserted at once. */
export interface EventAppend {
  /** Names exactly these rows, for ever; at most 100 characters. */
  readonly token: string;
  readonly stream: EventStream;
  /** JSON objects, one a line. */
  readonly rows: string;
  readonly rowCount: number;
}

/**
 * Of one append, unless a single entry has more. With content storage on, a row may have 1 MiB. Whoever
 * encodes or decodes one holds the event loop for that long: about 1 ms a mebibyte.
 */
const appendBytesMax = 4 * 2 ** 20;

/**
 * A batch as inserts, one stream after another, entries whole and in their order. The same batch always gives the same
 * inserts under the same tokens, and a token has the places of its entries in it: were the bound above another one
 * in another version, no two sets of rows would share a token, which would lose one of them.
 */
export function appendsOf(batch: OutboxBatch): EventAppend[] {
  return eventStreams.flatMap((stream) => appendsOfStream(batch, stream));
}

function appendsOfStream(batch: OutboxBatch, stream: EventStream): EventAppend[] {
  const appends: EventAppend[] = [];
  let part: { entries: OutboxEntry[]; first: number; last: number; bytes: number } | undefined;
  const finish = () => {
    if (part === undefined) return;
    appends.push({
      token: `${batch.id}:${stream}:${part.first}-${part.last}`,
      stream,
      rows: part.entries.map(({ rows }) => rows).join("\n"),
      rowCount: rowsOf(part.entries),
    });
    part = undefined;
  };
  for (const [at, entry] of batch.entries.entries()) {
    if (entry.stream !== stream) continue;
    const bytes = Buffer.byteLength(entry.rows) + 1;
    if (part !== undefined && part.bytes + bytes > appendBytesMax) finish();
    part ??= { entries: [], first: at, last: at, bytes: 0 };
    part.entries.push(entry);
    part.last = at;
    part.bytes += bytes;
  }
  finish();
  return appends;
}

export function rowsOf(entries: readonly OutboxEntry[]): number {
  return entries.reduce((sum, entry) => sum + entry.rowCount, 0);
}
