import { createHash } from "node:crypto";
import { BanditError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventLog } from "../ports/event-log.ts";
import { eventStreams } from "../ports/event-rows.ts";
import { outboxEntryBytesMax, outboxReadBytesMax } from "../ports/outbox-bounds.ts";
import type { OutboxBatch, OutboxEntry, StateStore } from "../ports/state-store.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";

export interface EventDrainOptions {
  readonly state: StateStore;
  readonly eventLog: EventLog;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** Longest time an event waits in the outbox while the event log answers. */
  readonly intervalMs: number;
  /** Rows read from the outbox at once. */
  readonly rowsMax: number;
}

const backoffMsMax = 5_000;
/** Of one append, unless a single entry has more. With content storage on, a row may have 1 MiB. */
const appendBytesMax = 8 * 1024 * 1024;

/** A batch of the outbox until it is confirmed. */
interface BatchUnderWay {
  readonly batch: OutboxBatch;
  /** Not written yet, as far as is known. */
  readonly appends: (readonly OutboxEntry[])[];
  readonly isFull: boolean;
}

/**
 * Moves events from the outbox into the event log: reads a batch, inserts its entries with tokens that
 * name exactly these, removes them once the inserts are confirmed. Whether a failed insert has happened is
 * not known, so it is repeated with the same entries and the same token until it succeeds: by this process,
 * or after its end by whoever reads the batch next, because the outbox fixes a batch for good before it gives
 * it out. Nothing is ever dropped.
 */
export class EventDrain {
  readonly #options: EventDrainOptions;
  #timer: NodeJS.Timeout | undefined;
  #cycle: Promise<void> = Promise.resolve();
  #underWay: BatchUnderWay | undefined;
  #failures = 0;
  #stopped = false;

  constructor(options: EventDrainOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule(this.#options.intervalMs);
  }

  /**
   * Resolves when everything that is in the outbox now is in the event log. Entries that another
   * replica is draining at this moment are not waited for.
   * @throws BanditError what the event log or the state store says
   */
  flush(): Promise<void> {
    return this.#inTurn(async () => {
      let { entries: remaining } = await this.#options.state.outboxState();
      while (remaining > 0) {
        const { entries } = await this.#drainOnce();
        if (entries === 0) return;
        remaining -= entries;
      }
    });
  }

  /** Ends the schedule and waits for the insert under way. What is left stays in the outbox. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#cycle;
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#inTurn(() => this.#drainFull()).then(
        () => {
          this.#failures = 0;
          this.#schedule(this.#options.intervalMs);
        },
        (error: unknown) => {
          this.#failures += 1;
          const delay = Math.min(this.#options.intervalMs * 2 ** this.#failures, backoffMsMax);
          const reason = error instanceof BanditError ? error.reason : "BUG";
          this.#options.telemetry.count("bandit_event_write_failures_total", { reason });
          this.#options.logger.error("events could not be written; they stay in the outbox", {
            error,
            failures: this.#failures,
            retryInMs: delay,
          });
          this.#schedule(delay);
        },
      );
    }, delayMs);
    this.#timer.unref();
  }

  /** Runs `work` after the cycle under way: two readers would be given the same entries. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#cycle.then(work);
    // Whoever asked for the cycle sees its failure; the next one only waits for its end.
    this.#cycle = result.catch(() => undefined);
    return result;
  }

  /** Drains for as long as full batches come, so that a backlog is not paced by the interval. */
  async #drainFull(): Promise<void> {
    while (!this.#stopped && (await this.#drainOnce()).isFull);
    const { entries } = await this.#options.state.outboxState();
    this.#options.telemetry.gauge("bandit_outbox_entries", entries);
  }

  async #drainOnce(): Promise<{ entries: number; isFull: boolean }> {
    this.#underWay ??= await this.#read();
    if (this.#underWay === undefined) return { entries: 0, isFull: false };
    const { batch, appends, isFull } = this.#underWay;
    for (let next = appends[0]; next !== undefined; next = appends[0]) {
      await this.#append(batch, next);
      appends.shift();
    }
    await this.#options.state.confirmOutbox(batch);
    this.#underWay = undefined;
    return { entries: batch.entries.length, isFull };
  }

  async #read(): Promise<BatchUnderWay | undefined> {
    const { state, rowsMax } = this.#options;
    const batch = await state.readOutbox({ rowsMax });
    if (batch === undefined) return undefined;
    const { entries } = batch;
    const appends = eventStreams.flatMap((stream) =>
      splitByBytes(entries.filter((entry) => entry.stream === stream)),
    );
    const bytes = entries.reduce((sum, entry) => sum + entry.rows.length, 0);
    const isFull = rowsOf(entries) >= rowsMax || bytes > outboxReadBytesMax - outboxEntryBytesMax;
    return { batch, appends, isFull };
  }

  async #append(batch: OutboxBatch, entries: readonly OutboxEntry[]): Promise<void> {
    const { eventLog, clock, telemetry } = this.#options;
    const stream = (entries[0] as OutboxEntry).stream;
    const startedMs = clock.monotonicMs();
    await eventLog.append({
      stream,
      rows: entries.map((entry) => entry.rows).join("\n"),
      deduplicationToken: tokenOf(batch, entries),
    });
    telemetry.observeMs("bandit_event_write_duration_ms", clock.monotonicMs() - startedMs);
    telemetry.count("bandit_events_written_total", { stream }, rowsOf(entries));
  }
}

/** In the given order, each part of at least one entry and otherwise {@link appendBytesMax} at most. */
function splitByBytes(entries: readonly OutboxEntry[]): OutboxEntry[][] {
  const parts: OutboxEntry[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const more = Buffer.byteLength(entry.rows) + 1;
    bytes += more;
    if (bytes > appendBytesMax) {
      parts.push([]);
      bytes = more;
    }
    parts.at(-1)?.push(entry);
  }
  return parts;
}

function rowsOf(entries: readonly OutboxEntry[]): number {
  return entries.reduce((sum, entry) => sum + entry.rowCount, 0);
}

/**
 * The same entries of a batch always give the same token. The ids are in it beside the batch's: a later version
 * that cuts a batch elsewhere must not give other entries an old token.
 */
function tokenOf(batch: OutboxBatch, entries: readonly OutboxEntry[]): string {
  const hash = createHash("sha256").update(batch.id).update("\n");
  for (const entry of entries) hash.update(entry.id).update("\n");
  return hash.digest("hex");
}
