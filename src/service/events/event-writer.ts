import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EventSink } from "../../ports/event-log.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import type { EventWrite } from "./event-appends.ts";
import { type RecordDeadLetters, type Refusal, refusalText } from "./record-dead-letters.ts";

export interface EventWriterOptions {
  readonly eventLog: EventSink;
  readonly deadLetters: RecordDeadLetters;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}

/** Why rows were refused. */
interface RefusedPart {
  /** In the engine's words, which may quote what is in the rows: for dead letters only. */
  readonly error: string;
  /** The engine's name for it, and the column where it has told one. */
  readonly engineError: string;
  readonly column: string | undefined;
}

/** A run of the rows of a write. `to` is not part of it. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** A refused run of so few rows is not halved but tried row by row, side by side: where many are bad, halves only add to the work. */
const rowByRowMax = 8;
/** Refused rows that are put away together. */
const refusalsMax = 500;
/** Writes remembered as done; a batch has a few dozen. */
const doneMax = 256;
/** Refused writes whose parts are remembered; more than a batch has, whose successor may be another process. */
const unfinishedMax = 64;

/**
 * Writes rows into the event log, and those that it refuses into the dead letters, so that one row never
 * blocks the others.
 *
 * A refused insert is halved until the refused rows stand alone. The tokens of the parts follow from the
 * token of the whole and the place in it, so that a process that repeats the write, this one or another after a
 * crash, takes the same steps and nothing that went in goes in again. One bad row among n costs about
 * 2·log₂(n/8) + 8 further inserts, and n rows that are all bad 1.5·n at most: seconds to a minute for a batch.
 */
export class EventWriter {
  readonly #options: EventWriterOptions;
  /** Tokens of finished writes: a batch is repeated from its beginning when one of them fails. */
  readonly #done = new Set<string>();
  /** By token, what is known of the parts of writes that were refused and are not finished; those of one batch. */
  readonly #parts = new Map<string, Map<string, "settled" | "refused">>();

  constructor(options: EventWriterOptions) {
    this.#options = options;
  }

  /**
   * Resolves when every row is in the event log or a dead letter. Idempotent for each token; one at a time of each.
   * @param stopping ends the search for refused rows between two inserts
   * @throws BanditError unavailable: rows may be in the event log and others not; the same write is to be repeated.
   */
  async write(write: EventWrite, stopping?: AbortSignal): Promise<void> {
    if (this.#done.has(write.token)) return;
    let tried = this.#parts.get(write.token);
    if (tried === undefined) {
      const refused = await this.#tryAppend(write);
      if (refused === undefined) {
        this.#finished(write.token);
        return;
      }
      tried = new Map();
      this.#parts.set(write.token, tried);
      if (this.#parts.size > unfinishedMax) this.#parts.delete(firstOf(this.#parts.keys()));
    }
    await this.#separate(write, tried, stopping);
    this.#parts.delete(write.token);
    this.#finished(write.token);
  }

  async #separate(
    write: EventWrite,
    tried: Map<string, "settled" | "refused">,
    stopping: AbortSignal | undefined,
  ): Promise<void> {
    const rows = write.rows.split("\n");
    const ranges: Range[] = partsOf({ from: 0, to: rows.length });
    const refusals = new Map<string, Refusal>();
    let refusedRows = 0;
    let first: Pick<RefusedPart, "engineError" | "column"> | undefined;
    const putAway = async () => {
      await this.#options.deadLetters.execute(write.stream, [...refusals.values()]);
      for (const name of refusals.keys()) tried.set(name, "settled");
      refusals.clear();
    };
    const tryRange = async (range: Range): Promise<void> => {
      const name = `${range.from}-${range.to}`;
      if (tried.get(name) === "settled") return;
      const refused =
        tried.get(name) === "refused"
          ? refusedBefore
          : await this.#tryAppend({
              stream: write.stream,
              rows: rows.slice(range.from, range.to).join("\n"),
              rowCount: range.to - range.from,
              token: `${write.token}/${name}`,
            });
      if (refused === undefined) {
        tried.set(name, "settled");
      } else if (range.to - range.from > 1) {
        tried.set(name, "refused");
        ranges.unshift(...partsOf(range));
      } else {
        const content = rows[range.from] as string;
        refusals.set(name, { content, error: refused.error });
        refusedRows += 1;
        first ??= { engineError: refused.engineError, column: columnIn(content, refused) };
      }
    };
    try {
      for (let next = takeNext(ranges); next.length > 0; next = takeNext(ranges)) {
        if (stopping?.aborted === true) throw stopped();
        // All of them are waited for: a repeat after a failure must not meet an insert that is still under way.
        const results = await Promise.allSettled(next.map(tryRange));
        const failed = results.find((result) => result.status === "rejected");
        if (failed !== undefined) throw failed.reason;
        if (refusals.size >= refusalsMax) await putAway();
      }
    } catch (error) {
      // Each attempt gets further than the one before, however soon it is interrupted.
      await Promise.allSettled([putAway()]);
      throw error;
    }
    await putAway();
    // Not in the engine's words: they quote the row, and people's comments do not belong in the log.
    this.#options.logger.error("the event log refused rows; they became dead letters", {
      stream: write.stream,
      rows: rows.length,
      refused: refusedRows,
      ...first,
    });
  }

  /** @returns why the rows are refused; undefined when they are in the event log. @throws BanditError unavailable */
  async #tryAppend(part: EventWrite): Promise<RefusedPart | undefined> {
    const { eventLog, clock, telemetry } = this.#options;
    const { stream, rows, token, rowCount } = part;
    const startedMs = clock.monotonicMs();
    try {
      await eventLog.append({ stream, rows, deduplicationToken: token });
    } catch (error) {
      if (error instanceof BanditError && error.reason === "EVENT_REFUSED") {
        const { engine_error: engineError = "", column } = error.metadata;
        return { error: refusalText(error), engineError, column };
      }
      throw error;
    }
    telemetry.observeMs("bandit_event_write_duration_ms", clock.monotonicMs() - startedMs);
    telemetry.count("bandit_events_written_total", { stream }, rowCount);
    return undefined;
  }

  #finished(token: string): void {
    this.#done.add(token);
    if (this.#done.size > doneMax) this.#done.delete(firstOf(this.#done));
  }
}

/** The oldest: sets and maps keep the order in which things were added. */
function firstOf(tokens: Iterable<string>): string {
  const [oldest] = tokens;
  return oldest as string;
}

/** Stands for the error of a run that is larger than one row, whose words are not needed. */
const refusedBefore: RefusedPart = { error: "", engineError: "", column: undefined };

/** The column a row was refused for, if it is one of its own: the engine's words hold texts of others, too. */
function columnIn(row: string, { column }: RefusedPart): string | undefined {
  if (column === undefined) return undefined;
  return Object.hasOwn(JSON.parse(row) as object, column) ? column : undefined;
}

/** A run of single rows, which are tried side by side, or one larger range. Empty when there is nothing left. */
function takeNext(ranges: Range[]): Range[] {
  const singles = ranges.findIndex(({ from, to }) => to - from > 1);
  const count = singles === -1 ? ranges.length : singles;
  return ranges.splice(0, Math.min(Math.max(count, 1), rowByRowMax));
}

/** Halves, or single rows; none of a single row is smaller than itself. */
function partsOf({ from, to }: Range): Range[] {
  const size = to - from;
  if (size <= rowByRowMax) {
    return Array.from({ length: size }, (_, at) => ({ from: from + at, to: from + at + 1 }));
  }
  const middle = from + Math.ceil(size / 2);
  return [
    { from, to: middle },
    { from: middle, to },
  ];
}

function stopped(): BanditError {
  return new BanditError("unavailable", "the service is stopping", { reason: "SERVICE_STOPPING" });
}
