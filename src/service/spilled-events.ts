import { BanditError, invariant } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { DiskQueue, DiskRecord } from "../ports/disk-queue.ts";
import { eventStreams } from "../ports/event-rows.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { EventAppend } from "./event-appends.ts";

/** An append on disk. */
export interface SpilledAppend extends EventAppend {
  /** Unix milliseconds; no event in it is older. */
  readonly oldestAtMs: number;
  /** Of its record. */
  readonly id: number;
}

/** The first line of a record; the rows are what follows. */
interface Head extends Omit<EventAppend, "rows"> {
  readonly oldestAtMs: number;
}

/** What stands in the way of spilling may go away without a record being removed: somebody clears the disk. */
const retryFullMs = 5_000;

/**
 * Events for which the outbox had no room, on this machine's disk, in the order in which they are to be inserted. One
 * record is one append with its token, so that it is inserted once however often it is written here or
 * read from the outbox as well.
 */
export class SpilledEvents {
  readonly #queue: DiskQueue;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  #first: SpilledAppend | undefined;
  #full: { readonly bytes: number; readonly sinceMs: number } | undefined;

  constructor(options: { queue: DiskQueue; clock: Clock; telemetry: Telemetry }) {
    this.#queue = options.queue;
    this.#clock = options.clock;
    this.#telemetry = options.telemetry;
  }

  /**
   * Durable on resolve. Idempotent for each token.
   * @returns false, with nothing lost, when there is no room: some of the appends may be on disk, which does no harm.
   */
  async add(appends: Iterable<EventAppend>, oldestAtMs: number): Promise<boolean> {
    for (const append of appends) {
      if (this.#queue.has(append.token)) continue;
      const { rows, ...head } = append;
      const text = `${JSON.stringify({ ...head, oldestAtMs } satisfies Head)}\n${rows}`;
      try {
        await this.#queue.append([{ key: append.token, text }]);
      } catch (error) {
        if (!(error instanceof BanditError) || error.code !== "resource_exhausted") throw error;
        this.#full = { bytes: this.#queue.size.bytes, sinceMs: this.#clock.monotonicMs() };
        return false;
      }
      const { stream, rowCount } = append;
      this.#telemetry.count("bandit_events_spilled_total", { stream }, rowCount);
    }
    this.#full = undefined;
    return true;
  }

  /** The oldest; undefined when there is none. The same until it is removed. */
  first(): SpilledAppend | undefined {
    if (this.#first === undefined) {
      const [record] = this.#queue.read({ bytesMax: 1 });
      this.#first = record === undefined ? undefined : decode(record);
    }
    return this.#first;
  }

  /** Removes one for good. Idempotent. */
  async remove(append: SpilledAppend): Promise<void> {
    await this.#queue.remove([append.id]);
    if (this.#first?.id === append.id) this.#first = undefined;
  }

  get isEmpty(): boolean {
    return this.#queue.size.records === 0;
  }

  get bytes(): number {
    return this.#queue.size.bytes;
  }

  /** True when the last append found no room and nothing tells that it would now. */
  get isFull(): boolean {
    if (this.#full === undefined) return false;
    const { bytes, sinceMs } = this.#full;
    return this.bytes >= bytes && this.#clock.monotonicMs() - sinceMs < retryFullMs;
  }
}

function decode({ id, text }: DiskRecord): SpilledAppend {
  const end = text.indexOf("\n");
  const head = JSON.parse(text.slice(0, end)) as Head;
  invariant(eventStreams.includes(head.stream), `spilled events of a stream ${head.stream}`);
  return { ...head, rows: text.slice(end + 1), id };
}
