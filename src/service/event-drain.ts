import { createHash } from "node:crypto";
import { BanditError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventLog } from "../ports/event-log.ts";
import { eventStreams } from "../ports/event-rows.ts";
import { outboxEntryBytesMax, outboxReadBytesMax } from "../ports/outbox-bounds.ts";
import type { OutboxEntry, StateStore } from "../ports/state-store.ts";
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

/** What was read from the outbox at once, until it is confirmed. */
interface Batch {
  readonly entries: readonly OutboxEntry[];
  /** Not written yet, as far as is known. */
  readonly appends: (readonly OutboxEntry[])[];
  readonly isFull: boolean;
}

/**
 * Moves events from the outbox into the event log: reads the oldest, inserts them with a token that
 * names exactly these entries, removes them once the insert is confirmed. Whether a failed insert has
 * happened is not known, so it is repeated with the same entries and the same token until it succeeds:
 * the batch is kept here meanwhile, because the outbox would give newer entries with it. Only after a
 * crash of this process may a row be inserted twice; the event log counts it once. Nothing is ever dropped.
 */
export class EventDrain {
  readonly #options: EventDrainOptions;
  #timer: NodeJS.Timeout | undefined;
  #cycle: Promise<void> = Promise.resolve();
  #batch: Batch | undefined;
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
      let remaining = await this.#options.state.outboxDepth();
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
    this.#options.telemetry.gauge("bandit_outbox_entries", await this.#options.state.outboxDepth());
  }

  async #drainOnce(): Promise<{ entries: number; isFull: boolean }> {
    this.#batch ??= await this.#read();
    const { entries, appends, isFull } = this.#batch;
    for (let next = appends[0]; next !== undefined; next = appends[0]) {
      await this.#append(next);
      appends.shift();
    }
    if (entries.length > 0) await this.#options.state.confirmOutbox(entries);
    this.#batch = undefined;
    return { entries: entries.length, isFull };
  }

  async #read(): Promise<Batch> {
    const { state, rowsMax } = this.#options;
    const entries = await state.readOutbox({ rowsMax });
    const appends = eventStreams.flatMap((stream) =>
      splitByBytes(entries.filter((entry) => entry.stream === stream)),
    );
    const bytes = entries.reduce((sum, entry) => sum + entry.rows.length, 0);
    const isFull = rowsOf(entries) >= rowsMax || bytes > outboxReadBytesMax - outboxEntryBytesMax;
    return { entries, appends, isFull };
  }

  async #append(entries: readonly OutboxEntry[]): Promise<void> {
    const { eventLog, clock, telemetry } = this.#options;
    const stream = (entries[0] as OutboxEntry).stream;
    const startedMs = clock.monotonicMs();
    await eventLog.append({
      stream,
      rows: entries.map((entry) => entry.rows).join("\n"),
      deduplicationToken: tokenOf(entries),
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

/** The same entries always give the same token, and different ones a different token. */
function tokenOf(entries: readonly OutboxEntry[]): string {
  const hash = createHash("sha256");
  for (const entry of entries) hash.update(entry.id).update("\n");
  return hash.digest("hex");
}
