import { WaitingLine } from "../../concurrency/lanes.ts";
import { backOff, RepeatedWork } from "../../concurrency/repeated-work.ts";
import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Entropy } from "../../ports/entropy.ts";
import { outboxEntryBytesMax, outboxReadBytesMax } from "../../ports/outbox-bounds.ts";
import type { Outbox, OutboxEntry } from "../../ports/state-store.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import type { WriteProblem } from "./backlog.ts";
import { appendsOf, type EventAppend, rowsOf } from "./event-appends.ts";
import type { EventWriter } from "./event-writer.ts";
import type { SpilledEvents } from "./spilled-events.ts";

export interface EventDrainOptions {
  readonly state: Outbox;
  readonly writer: EventWriter;
  /** Events moved from the outbox to disk, which go first. Undefined: none were ever moved. */
  readonly spilled: SpilledEvents | undefined;
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

/** Rows written at once, and whether there may be more to write. */
interface Drained {
  readonly appends: readonly Pick<EventAppend, "token" | "entryCount">[];
  readonly from: "disk" | "outbox";
  readonly isMore: boolean;
}

/**
 * Moves events into the event log: those on disk first, then those in the outbox, a batch at a time. A batch is removed
 * once every row of it is in the event log or a dead letter. Whether a failed insert has happened is not
 * known, so it is repeated with the same rows and the same token until it succeeds: by this process, or after
 * its end by the process that reads the batch next, because the outbox fixes a batch for good before it gives it out.
 * The outbox is asked again for each attempt, which tells it that the batch's owner lives. Nothing is ever dropped.
 */
export class EventDrain {
  readonly #options: EventDrainOptions;
  readonly #stopping = new AbortController();
  readonly #rounds: RepeatedWork;
  /** Two cycles at once would write the same rows. */
  readonly #cycles = new WaitingLine({ runningMax: 1 });
  /** Flushes that wait for the cycle under way. */
  #flushesWaiting = 0;
  #isMore = false;
  /** When each write under way began, by its token. */
  readonly #writing = new Map<string, number>();
  #writeProblem: WriteProblem | undefined;

  constructor(options: EventDrainOptions) {
    const { intervalMs, entropy } = options;
    this.#options = options;
    const pauseAfterFailureMs = backOff({ minMs: 2 * intervalMs, maxMs: backoffMsMax, entropy });
    this.#rounds = new RepeatedWork({
      work: () => this.#cycles.run(() => this.#drainAll()),
      pauseMs: (failures) =>
        failures > 0 ? pauseAfterFailureMs(failures) : this.#isMore ? 0 : intervalMs,
      onFailure: (error, next) => this.#failed(error, next),
    });
  }

  start(): void {
    this.#rounds.start();
  }

  /**
   * Resolves when everything that is in the outbox or on this machine's disk now is in the event log, or a dead
   * letter. Entries that another replica is draining or has on its disk are not waited for.
   * @throws BanditError what the event log or the state store says
   */
  async flush(): Promise<void> {
    this.#flushesWaiting += 1;
    await this.#cycles.run(async () => {
      this.#flushesWaiting -= 1;
      const { state, spilled } = this.#options;
      // Both are emptied from the front, so later events are behind the awaited ones. Entries that are
      // moved to the disk meanwhile come to its end; they are known by their tokens where they are in both places.
      let onDisk = spilled?.count ?? 0;
      let { entries: inOutbox } = await state.outboxState();
      const written = new Set<string>();
      while (onDisk > 0 || inOutbox > 0) {
        const { appends, from, isMore } = await this.#drainOnce();
        if (appends.length === 0 && !isMore) return;
        for (const { token, entryCount } of appends) {
          if (from === "disk" && onDisk > 0) onDisk -= 1;
          else if (!written.has(token)) {
            written.add(token);
            inOutbox -= entryCount;
          }
        }
        // Fewer where some cannot be read and are set aside.
        onDisk = Math.min(onDisk, spilled?.count ?? 0);
      }
    });
  }

  /** True when the event log has not taken anything for a while. */
  get isInTrouble(): boolean {
    if (this.#rounds.failures > 0) return true;
    const nowMs = this.#options.clock.monotonicMs();
    return [...this.#writing.values()].some((sinceMs) => nowMs - sinceMs > slowWriteMs);
  }

  /** Undefined once a write has succeeded again. */
  get writeProblem(): WriteProblem | undefined {
    return this.#writeProblem;
  }

  /** Ends the schedule and waits for the insert under way. Other events stay where they are. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#rounds.stop(), this.#cycles.run(async () => undefined)]);
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #failed(error: unknown, next: { failures: number; retryInMs: number }): void {
    const { telemetry, logger } = this.#options;
    const reason = error instanceof BanditError ? error.reason : "BUG";
    telemetry.count("bandit_event_write_failures_total", { reason });
    logger.error("events could not be written; they are kept and written later", {
      error,
      ...next,
    });
  }

  /** Drains for as long as full batches come, so that a backlog is not paced by the interval; flushes have their turn. */
  async #drainAll(): Promise<void> {
    do {
      this.#isMore = (await this.#drainOnce()).isMore;
    } while (this.#isMore && this.#flushesWaiting === 0 && !this.#isStopped);
  }

  async #drainOnce(): Promise<Drained> {
    const { state, spilled, rowsMax } = this.#options;
    const first = spilled?.first();
    if (spilled !== undefined && first !== undefined) {
      await this.#write(first);
      await spilled.remove(first);
      return { appends: [first], from: "disk", isMore: true };
    }
    const batch = await state.readOutbox({ rowsMax });
    if (batch === undefined) {
      // Another process may have written what this one could not.
      this.#writeProblem = undefined;
      return { appends: [], from: "outbox", isMore: false };
    }
    const appends = appendsOf(batch);
    const written: EventAppend[] = [];
    const writes = Array.from({ length: writesAtOnce }, () => this.#writeAll(appends, written));
    // All of them are waited for: a repeat after a failure must not meet an insert that is still under way.
    const results = await Promise.allSettled(writes);
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    await state.confirmOutbox(batch);
    return { appends: written, from: "outbox", isMore: isFull(batch.entries, rowsMax) };
  }

  /** Takes one after another; a failure ends the sequence for everybody who takes from it. */
  async #writeAll(appends: Generator<EventAppend, void>, written: EventAppend[]): Promise<void> {
    for (const append of appends) {
      await this.#write(append);
      written.push(append);
    }
  }

  async #write(append: EventAppend): Promise<void> {
    const { writer, clock, logger } = this.#options;
    this.#writing.set(append.token, clock.monotonicMs());
    try {
      await writer.write(append, this.#stopping.signal);
      this.#writeProblem = undefined;
    } catch (error) {
      this.#writeProblem = { sinceMs: this.#writeProblem?.sinceMs ?? clock.nowMs(), error };
      throw error;
    } finally {
      this.#writing.delete(append.token);
    }
    if (this.#rounds.failures === 0) return;
    logger.info("events can be written again", { failures: this.#rounds.failures });
    this.#rounds.failures = 0;
  }
}

/** As much as one reading may give, an entry more or less. */
function isFull(entries: readonly OutboxEntry[], rowsMax: number): boolean {
  const bytes = entries.reduce((sum, { rows }) => sum + rows.length, 0);
  return rowsOf(entries) >= rowsMax || bytes > outboxReadBytesMax - outboxEntryBytesMax;
}
