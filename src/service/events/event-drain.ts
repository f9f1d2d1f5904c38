import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Entropy } from "../../ports/entropy.ts";
import { outboxEntryBytesMax, outboxReadBytesMax } from "../../ports/outbox-bounds.ts";
import type { OutboxEntry, StateStore } from "../../ports/state-store.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import { appendsOf, type EventAppend, rowsOf } from "./event-appends.ts";
import type { EventWriter } from "./event-writer.ts";
import type { SpilledEvents } from "./spilled-events.ts";

export interface EventDrainOptions {
  readonly state: Pick<StateStore, "readOutbox" | "confirmOutbox" | "outboxState">;
  readonly writer: EventWriter;
  /** What was moved out of the outbox to disk, which goes first. Absent: nothing ever was. */
  readonly spilled?: SpilledEvents;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** Longest time an event waits in the outbox while the event log answers. */
  readonly intervalMs: number;
  /** Rows read from the outbox at once. */
  readonly rowsMax: number;
}

const backoffMsMax = 5_000;
/** Inserts of one batch under way: while one is in the engine the next is made and sent. */
const writesAtOnce = 2;
/** A write that takes longer is in trouble before it has failed: a hung connection fails after half a minute. */
const slowWriteMs = 2_000;

/** Entries taken from the outbox, and whether there may be more to write at once. */
interface Drained {
  readonly entries: number;
  readonly isMore: boolean;
}

/**
 * Moves events into the event log: those on disk first, then those in the outbox, a batch at a time. A batch is removed
 * once every row of it is in the event log or a dead letter. Whether a failed insert has happened is not
 * known, so it is repeated with the same rows and the same token until it succeeds: by this process, or after
 * its end by whoever reads the batch next, because the outbox fixes a batch for good before it gives it out.
 * The outbox is asked again for each attempt, which tells it that the batch's owner lives. Nothing is ever dropped.
 */
export class EventDrain {
  readonly #options: EventDrainOptions;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #cycle: Promise<void> = Promise.resolve();
  /** When each write under way began, by its token. */
  readonly #writing = new Map<string, number>();
  #failures = 0;

  constructor(options: EventDrainOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule(this.#options.intervalMs);
  }

  /**
   * Resolves when everything that is in the outbox or on this machine's disk now is in the event log, or a dead
   * letter. Entries that another replica is draining or has on its disk are not waited for.
   * @throws BanditError what the event log or the state store says
   */
  flush(): Promise<void> {
    return this.#inTurn(async () => {
      // Spilling may go on meanwhile: what it moves is still to come here, on the other way.
      let { entries: remaining } = await this.#options.state.outboxState();
      while (remaining > 0 || this.#options.spilled?.isEmpty === false) {
        const { entries, isMore } = await this.#drainOnce();
        if (entries === 0 && !isMore) return;
        remaining -= entries;
      }
    });
  }

  /** True when the event log has not taken anything for a while. */
  get isInTrouble(): boolean {
    if (this.#failures > 0) return true;
    const nowMs = this.#options.clock.monotonicMs();
    return [...this.#writing.values()].some((sinceMs) => nowMs - sinceMs > slowWriteMs);
  }

  /** Ends the schedule and waits for the insert under way. What is left stays where it is. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#cycle;
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#inTurn(() => this.#drainAll()).then(
        () => {
          this.#schedule(this.#options.intervalMs);
        },
        (error: unknown) => {
          if (!this.#isStopped) this.#schedule(this.#backoffAfter(error));
        },
      );
    }, delayMs);
    this.#timer.unref();
  }

  /** @returns how long to wait, milliseconds */
  #backoffAfter(error: unknown): number {
    const { intervalMs, telemetry, logger } = this.#options;
    this.#failures += 1;
    const reason = error instanceof BanditError ? error.reason : "BUG";
    telemetry.count("bandit_event_write_failures_total", { reason });
    const retryInMs = Math.min(intervalMs * 2 ** this.#failures, backoffMsMax) * this.#jitter();
    logger.error("events could not be written; they are kept and tried again", {
      error,
      failures: this.#failures,
      retryInMs: Math.round(retryInMs),
    });
    return retryInMs;
  }

  /** 0.75 to 1.25: replicas that failed together do not come back together. */
  #jitter(): number {
    const byte = new Uint8Array(1);
    this.#options.entropy.fill(byte);
    return 0.75 + (byte[0] as number) / 510;
  }

  /** Runs `work` after the cycle under way: two of them would write the same rows. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#cycle.then(work);
    // Whoever asked for the cycle sees its failure; the next one only waits for its end.
    this.#cycle = result.catch(() => undefined);
    return result;
  }

  /** Drains for as long as full batches come, so that a backlog is not paced by the interval. */
  async #drainAll(): Promise<void> {
    while (!this.#isStopped && (await this.#drainOnce()).isMore);
    this.#failures = 0;
  }

  async #drainOnce(): Promise<Drained> {
    const { state, spilled, rowsMax } = this.#options;
    const first = spilled?.first();
    if (spilled !== undefined && first !== undefined) {
      await this.#write(first);
      await spilled.remove(first);
      return { entries: 0, isMore: true };
    }
    const batch = await state.readOutbox({ rowsMax });
    if (batch === undefined) return { entries: 0, isMore: false };
    const appends = appendsOf(batch);
    const writes = Array.from({ length: writesAtOnce }, () => this.#writeAll(appends));
    // All of them are waited for: a repeat after a failure must not meet an insert that is still under way.
    const results = await Promise.allSettled(writes);
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    await state.confirmOutbox(batch);
    return { entries: batch.entries.length, isMore: isFull(batch.entries, rowsMax) };
  }

  /** Takes one after another; a failure ends the sequence for everybody who takes from it. */
  async #writeAll(appends: Generator<EventAppend, void>): Promise<void> {
    for (const append of appends) await this.#write(append);
  }

  async #write(append: EventAppend): Promise<void> {
    const { writer, clock, logger } = this.#options;
    this.#writing.set(append.token, clock.monotonicMs());
    try {
      await writer.write(append, this.#stopping.signal);
    } finally {
      this.#writing.delete(append.token);
    }
    if (this.#failures === 0) return;
    logger.info("events are written again", { failures: this.#failures });
    this.#failures = 0;
  }
}

/** As much as one reading may give, an entry more or less. */
function isFull(entries: readonly OutboxEntry[], rowsMax: number): boolean {
  const bytes = entries.reduce((sum, { rows }) => sum + rows.length, 0);
  return rowsOf(entries) >= rowsMax || bytes > outboxReadBytesMax - outboxEntryBytesMax;
}
