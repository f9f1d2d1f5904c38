import { invariant } from "../../domain/errors.ts";
import { type EventStream, eventStreams } from "../../ports/event-rows.ts";

/** Added to the stream number where the time of writing follows; entries of 0.1.0 have neither. */
const timed = 0x80;
/** Of an entry's bytes those that are not its rows. */
export const outboxEntryHeadBytes = 11;
const untimedHeadBytes = 5;

/** What an outbox entry says about itself before its rows. */
export interface OutboxEntryHead {
  readonly stream: EventStream;
  readonly rowCount: number;
  /** Unix milliseconds; absent in entries that version 0.1.0 wrote. */
  readonly writtenAtMs?: number;
  /** Where the rows begin. */
  readonly rowsAt: number;
}

/** Stream number plus 128 u8, time of writing in Unix milliseconds u48, rows u32, JSON lines. */
export function encodeOutboxEntry(options: {
  stream: EventStream;
  rows: readonly string[];
  writtenAtMs: number;
}): Buffer {
  const text = options.rows.join("\n");
  const value = Buffer.allocUnsafe(outboxEntryHeadBytes + Buffer.byteLength(text));
  value[0] = timed + eventStreams.indexOf(options.stream);
  value.writeUIntBE(options.writtenAtMs, 1, 6);
  value.writeUInt32BE(options.rows.length, 7);
  value.write(text, outboxEntryHeadBytes);
  return value;
}

/** Reads what {@link encodeOutboxEntry} wrote, and entries of version 0.1.0: stream number u8, rows u32, JSON lines. */
export function decodeOutboxEntryHead(value: Buffer): OutboxEntryHead {
  const first = value[0] as number;
  const stream = eventStreams[first & ~timed];
  invariant(stream !== undefined, `outbox entry of unknown stream ${first}`);
  if (first < timed) {
    return { stream, rowCount: value.readUInt32BE(1), rowsAt: untimedHeadBytes };
  }
  return {
    stream,
    rowCount: value.readUInt32BE(7),
    writtenAtMs: value.readUIntBE(1, 6),
    rowsAt: outboxEntryHeadBytes,
  };
}
