import { BanditError, invariant } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DiskQueue, DiskRecord } from "../../ports/disk-queue.ts";
import { eventStreams } from "../../ports/event-rows.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
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
 * Events that found no room in the outbox, on this machine's disk, in the order in which they are to be inserted. One
 * record is one append with its token, so that it is inserted once however often it is written here or
 * read from the outbox as well.
 *
 * A record that cannot be read is set aside: it stays on disk, where it counts in `bytes`, and the others go on.
 */
export class SpilledEvents {
  readonly #queue: DiskQueue;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #logger: Logger;
  /** Ids of records that cannot be read, by their keys; no more than there are on disk. */
  readonly #aside = new Map<string, number>();
  #first: SpilledAppend | undefined;
  #full: { readonly bytes: number; readonly sinceMs: number } | undefined;

  constructor(options: {
    queue: DiskQueue;
    clock: Clock;
    telemetry: Telemetry;
    logger: Logger;
  }) {
    this.#logger = options.logger;
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
      if (this.#queue.has(append.token) && !(await this.#makeWayFor(append))) continue;
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

  /** The oldest that can be read; undefined when there is none. The same until it is removed. */
  first(): SpilledAppend | undefined {
    this.#first ??= this.#findFirst();
    return this.#first;
  }

  /** Removes one for good. Idempotent. */
  async remove(append: SpilledAppend): Promise<void> {
    await this.#queue.remove([append.id]);
    if (this.#first?.id === append.id) this.#first = undefined;
  }

  /** There is nothing that can be inserted. */
  get isEmpty(): boolean {
    return this.count <= 0;
  }

  /** Appends that can be inserted. */
  get count(): number {
    return this.#queue.size.records - this.#aside.size;
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

  #findFirst(): SpilledAppend | undefined {
    if (this.isEmpty) return undefined;
    const known = new Set(this.#aside.values());
    for (let after: { afterId?: number } = {}; ; ) {
      const [record] = this.#queue.read({ bytesMax: 1, ...after });
      if (record === undefined) return undefined;
      after = { afterId: record.id };
      if (known.has(record.id)) continue;
      try {
        return decode(record);
      } catch (error) {
        this.#aside.set(record.key, record.id);
        // Without its message, which may quote the events.
        this.#logger.error(
          "spilled events cannot be read; they stay on disk, and other events are written",
          {
            id: record.id,
            token: record.key,
            what: error instanceof Error ? error.name : "unknown",
          },
        );
      }
    }
  }

  /** The same events are here to be written anew: what cannot be read of them is not needed then. */
  async #makeWayFor({ token }: EventAppend): Promise<boolean> {
    const id = this.#aside.get(token);
    if (id === undefined) return false;
    await this.#queue.remove([id]);
    this.#aside.delete(token);
    return true;
  }
}

function decode({ id, text }: DiskRecord): SpilledAppend {
  const end = text.indexOf("\n");
  const head = JSON.parse(text.slice(0, end)) as Head;
  invariant(eventStreams.includes(head.stream), `spilled events of a stream ${head.stream}`);
  return { ...head, rows: text.slice(end + 1), id };
}
