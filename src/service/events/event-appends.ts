import { type EventStream, eventStreams } from "../../ports/event-rows.ts";
import type { OutboxBatch, OutboxEntry } from "../../ports/state-store.ts";

/** Rows that are inserted at once. */
export interface EventWrite {
  /** Names exactly these rows, for ever; at most 100 characters. */
  readonly token: string;
  readonly stream: EventStream;
  /** JSON objects, one a line. */
  readonly rows: string;
  readonly rowCount: number;
}

/** Whole entries of the outbox as one write. */
export interface EventAppend extends EventWrite {
  readonly entryCount: number;
}

/**
 * Bytes of one append, unless a single entry has more: with content storage on, a row may have 1 MiB. Joining, encoding
 * or decoding an append holds the event loop for about 1 ms a mebibyte.
 */
const appendBytesMax = 2 * 2 ** 20;

/**
 * A batch as inserts, one stream after another, entries whole and in their order; each is made when it is asked for.
 * The same batch always gives the same inserts under the same tokens. A token has the places of its entries in it:
 * were the bound above another one in another version, no two sets of rows would share a token, which would lose one.
 */
export function* appendsOf(batch: OutboxBatch): Generator<EventAppend, void> {
  for (const stream of eventStreams) yield* appendsOfStream(batch, stream);
}

function* appendsOfStream(batch: OutboxBatch, stream: EventStream): Generator<EventAppend, void> {
  let part: Part | undefined;
  for (const [at, entry] of batch.entries.entries()) {
    if (entry.stream !== stream) continue;
    const bytes = Buffer.byteLength(entry.rows) + 1;
    if (part !== undefined && part.bytes + bytes > appendBytesMax) {
      yield appendOf(batch, part);
      part = undefined;
    }
    part ??= { entries: [], first: at, last: at, bytes: 0 };
    part.entries.push(entry);
    part.last = at;
    part.bytes += bytes;
  }
  if (part !== undefined) yield appendOf(batch, part);
}

interface Part {
  /** Of one stream. */
  readonly entries: OutboxEntry[];
  /** Places in the batch of the first of them and the last. */
  readonly first: number;
  last: number;
  bytes: number;
}

function appendOf(batch: OutboxBatch, { entries, first, last }: Part): EventAppend {
  const { stream } = entries[0] as OutboxEntry;
  return {
    token: `${batch.id}:${stream}:${first}-${last}`,
    stream,
    rows: entries.map(({ rows }) => rows).join("\n"),
    rowCount: rowsOf(entries),
    entryCount: entries.length,
  };
}

export function rowsOf(entries: readonly OutboxEntry[]): number {
  return entries.reduce((sum, entry) => sum + entry.rowCount, 0);
}
