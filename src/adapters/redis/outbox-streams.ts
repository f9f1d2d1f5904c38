import { createHash } from "node:crypto";
import { invariant } from "../../domain/errors.ts";
import { type EventStream, eventStreams } from "../../ports/event-rows.ts";
import type { OutboxEntry, OutboxState } from "../../ports/state-store.ts";
import { outboxCountersKey, outboxKey } from "./keys.ts";
import type { BatchPart } from "./outbox-batches.ts";
import type { RunStep } from "./partition-steps.ts";
import type { RedisClient } from "./redis-client.ts";

/** Removed in one step: about 1 ms of the server's time. */
const removedPerStep = 500;
/** Read at once: about 1 ms to take in. More where one entry has more. */
const pageBytes = 256 * 1024;
const pageEntriesMax = 200;
/** Before it is known how large they are. */
const firstPageEntries = 4;

/** How much is wanted. */
interface OutboxAmount {
  readonly rows: number;
  readonly bytes: number;
}

/** Where a range of a stream begins and ends, as XRANGE takes it. */
export type StreamGap = readonly [from: string, to: string];

/** The oldest entries of some gaps, all in the same one. */
export interface MeasuredEntries extends OutboxAmount {
  readonly ids: [string, ...string[]];
  /** What follows them in their gap; undefined when there was nothing more. */
  rest: StreamGap | undefined;
}

/** The outbox streams, one for each partition. Every method is one or more steps in one partition. */
export class OutboxStreams {
  readonly #client: RedisClient;
  readonly #run: RunStep;
  readonly #inTime: <Reply>(reply: Promise<Reply>) => Promise<Reply>;

  /** @param options.inTime rejects with a BanditError, as `run` does. */
  constructor(options: {
    client: RedisClient;
    run: RunStep;
    inTime: <Reply>(reply: Promise<Reply>) => Promise<Reply>;
  }) {
    this.#client = options.client;
    this.#run = options.run;
    this.#inTime = options.inTime;
  }

  /** Undefined when there is nothing in the gaps. */
  async measure(
    partition: number,
    gaps: readonly StreamGap[],
    wanted: OutboxAmount,
  ): Promise<MeasuredEntries | undefined> {
    const args = [wanted.rows, wanted.bytes, ...gaps.flat()];
    const reply = await this.#run("measure-outbox-1", [outboxKey(partition)], args);
    if (reply === null) return undefined;
    const [gap, text, rows, bytes, hasMore] = reply as [number, Buffer, number, number, number];
    const ids = text.toString().split(" ") as [string, ...string[]];
    const end = (gaps[gap] as StreamGap)[1];
    return { ids, rows, bytes, rest: hasMore === 1 ? [`(${ids.at(-1)}`, end] : undefined };
  }

  /** What there is now of a part, oldest first. */
  async read({ partition, first, last }: BatchPart): Promise<OutboxEntry[]> {
    const entries: OutboxEntry[] = [];
    let bytes = 0;
    let count = firstPageEntries;
    for (let from = first; ; ) {
      const page = await this.#inTime(
        this.#client.xrangeBuffer(outboxKey(partition), from, last, "COUNT", count),
      );
      for (const [id, fields] of page) {
        const entry = toEntry(partition, id, fields);
        entries.push(entry);
        bytes += entry.rows.length;
      }
      const newest = page.at(-1);
      if (newest === undefined || page.length < count) return entries;
      from = `(${newest[0]}`;
      const likely = Math.ceil((pageBytes * entries.length) / (bytes + 1));
      count = Math.min(pageEntriesMax, likely);
    }
  }

  /** Removes entries of one partition for good. Idempotent. */
  async remove(partition: number, entries: readonly OutboxEntry[]): Promise<void> {
    const keys = [outboxKey(partition), outboxCountersKey(partition)];
    for (let from = 0; from < entries.length; from += removedPerStep) {
      const texts = entries
        .slice(from, from + removedPerStep)
        .map(
          ({ id, rowCount, rows }) =>
            `${parseEntryId(id).streamId} ${rowCount} ${Buffer.byteLength(rows)}`,
        );
      await this.#run("remove-entries-2", keys, [texts.join("\n")]);
    }
  }

  async state(partition: number): Promise<OutboxState> {
    const keys = [outboxKey(partition), outboxCountersKey(partition)];
    const reply = await this.#run("outbox-state-2", keys, []);
    const [entries, rows, bytes, oldest] = reply as [number, number, number, Buffer];
    if (oldest.length === 0) return { entries, rows, bytes };
    return { entries, rows, bytes, oldestAtMs: Number.parseInt(oldest.toString(), 10) };
  }
}

/** `<partition>:<stream id>` */
export function parseEntryId(id: string): { partition: number; streamId: string } {
  const colon = id.indexOf(":");
  return { partition: Number(id.slice(0, colon)), streamId: id.slice(colon + 1) };
}

/** Of stream ids in their order: the same for the same ids only. */
export function digestOf(streamIds: readonly string[]): string {
  return createHash("sha256").update(streamIds.join(" ")).digest("hex").slice(0, 32);
}

function toEntry(partition: number, id: Buffer, fields: readonly Buffer[]): OutboxEntry {
  const [, stream, , rowCount, , rows] = fields.map(String);
  invariant(
    eventStreams.includes(stream as EventStream) && rows !== undefined,
    `outbox entry ${partition}:${id} cannot be read`,
  );
  return {
    id: `${partition}:${id}`,
    stream: stream as EventStream,
    rows,
    rowCount: Number(rowCount),
  };
}
