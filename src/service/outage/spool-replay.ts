import { setImmediate as nextTurn } from "node:timers/promises";
import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DiskRecord } from "../../ports/disk-queue.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import type { CatalogueCache } from "../catalogue/catalogue-cache.ts";
import { type RecordDeadLetters, refusalText } from "../events/record-dead-letters.ts";
import { mayStillArrive } from "../recording/awaited-decision.ts";
import { decisionsArriveWithinMs, generationOf } from "../recording/report-intake.ts";
import type { ApplySpooled } from "./apply-spooled.ts";
import { ReplayRounds } from "./replay-rounds.ts";
import type { Spool } from "./spool.ts";
import { type Fate, fateOf } from "./spooled-fate.ts";
import { decisionKey, decodeSpooled, type SpooledRecord } from "./spooled-record.ts";
import type { StateGuard } from "./state-guard.ts";

export interface SpoolReplayOptions {
  readonly spool: Spool;
  readonly guard: StateGuard;
  readonly apply: ApplySpooled;
  readonly deadLetters: RecordDeadLetters;
  readonly catalogue: CatalogueCache;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}

/** Read at once: some 150 records, whose decoding holds others up for less than a millisecond. */
const chunkBytes = 128 * 1024;
/** Applied at once: enough to fill a batch of the state store, few beside what callers send. */
const appliedAtOnceMax = 64;
/** What came into the queue without a word, from a process that has ended, is noticed within this time. */
const lookMs = 1_000;
/** From a record that was added while the state store answers to its being applied. */
const soonMs = 50;
/** After the store or the outbox had no room, or the disk could not be written. */
const backoffMsMin = 500;
const backoffMsMax = 15_000;

interface Item {
  readonly stored: DiskRecord;
  /** An error where it cannot be read. */
  readonly record: SpooledRecord | Error;
}

/**
 * Applies what was spooled, once the state store answers: oldest first, decisions before the reports of their chunk.
 * A record is removed only after it was applied, so after a crash some are applied again, which changes nothing:
 * the store recognises a decision by its generation, a report by its id in the generation's ledger.
 *
 * Callers' reports meanwhile go straight to the store, ahead of older ones that are still here. That is the same
 * in the end, because outcomes commute (invariant I4), with one exception: a report about a decision that is
 * still here is spooled behind it (`report-intake.ts`). Another replica may have made another decision for
 * the same generation before the outage; that one stays, and the report must count for its arm.
 */
export class SpoolReplay {
  readonly #options: SpoolReplayOptions;
  readonly #rounds: ReplayRounds;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #looks: NodeJS.Timeout | undefined;
  #pass: Promise<void> | undefined;
  #backoffMs = backoffMsMin;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #eventLogAnswers = true;
  #startedAtMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: SpoolReplayOptions) {
    this.#options = options;
    this.#rounds = new ReplayRounds(options.clock);
  }

  /** Begins with what is there from before, and goes on for as long as something comes. */
  start(): void {
    const { spool, guard, clock } = this.#options;
    this.#startedAtMs = clock.monotonicMs();
    guard.onRecovered(() => {
      this.#backoffMs = backoffMsMin;
      this.#pausedUntilMs = Number.NEGATIVE_INFINITY;
      this.#rounds.hurry();
      this.#schedule(0);
    });
    spool.onAdded(() => {
      if (guard.available) this.#schedule(soonMs);
    });
    if (spool.queue.size.records > 0) this.#schedule(0);
    this.#looks = setInterval(() => {
      spool.measure();
      if (spool.queue.size.records > 0 && guard.available) this.#schedule(0);
    }, lookMs);
    this.#looks.unref();
  }

  /** Ends after the records under way; the others stay on disk. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearInterval(this.#looks);
    await this.#pass;
  }

  #schedule(afterMs: number): void {
    if (this.#stopped || this.#pass !== undefined) return;
    const nowMs = this.#options.clock.monotonicMs();
    const atMs = Math.max(nowMs + afterMs, this.#pausedUntilMs);
    if (this.#timer !== undefined && this.#timerAtMs <= atMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pass = this.#runPass().finally(() => {
        this.#pass = undefined;
        this.#scheduleNext();
      });
    }, atMs - nowMs);
    this.#timer.unref();
  }

  /** Without the state store there is nothing to do until it is back. What was put off comes up again later. */
  #scheduleNext(): void {
    const { spool, guard } = this.#options;
    if (spool.queue.size.records === 0 || !guard.available) return;
    this.#schedule(Math.max(this.#rounds.untilDueMs, soonMs));
  }

  async #runPass(): Promise<void> {
    const { spool, guard, logger } = this.#options;
    this.#eventLogAnswers = true;
    let applied = 0;
    try {
      while (guard.available && !this.#stopped) {
        const chunk = spool.queue.read({ bytesMax: chunkBytes, afterId: this.#rounds.afterId });
        const last = chunk.at(-1);
        if (last === undefined) {
          this.#rounds.reachEnd();
          break;
        }
        const gone = await this.#applyChunk(chunk);
        if (gone === undefined) {
          this.#pause();
          break;
        }
        applied += gone;
        if (gone > 0) this.#backoffMs = backoffMsMin;
        this.#rounds.advance({ lastId: last.id, gone, stayed: chunk.length - gone });
        await nextTurn();
      }
    } catch (error) {
      this.#pause();
      logger.error("spooled records could not be applied; they stay on disk", { error });
    }
    spool.measure();
    if (applied > 0) {
      logger.info("spooled records were applied", {
        records: applied,
        left: spool.queue.size.records,
      });
    }
  }

  /** An outage that has ended ends the pause too. */
  #pause(): void {
    this.#pausedUntilMs = this.#options.clock.monotonicMs() + this.#backoffMs;
    this.#backoffMs = Math.min(this.#backoffMs * 2, backoffMsMax);
  }

  /** @returns how many left the spool; undefined when there is no use in going on. */
  async #applyChunk(chunk: readonly DiskRecord[]): Promise<number | undefined> {
    const items = chunk.map((stored): Item => ({ stored, record: decode(stored.text) }));
    const isDecision = ({ record }: Item): boolean =>
      !(record instanceof Error) && record.kind === "decision";
    // All decisions are settled and out of the spool before the first report, which may be about one of them.
    const decisions = await this.#applyAll(items.filter(isDecision));
    if (!decisions.goesOn) return undefined;
    const reports = await this.#applyAll(items.filter((item) => !isDecision(item)));
    return reports.goesOn ? decisions.gone + reports.gone : undefined;
  }

  /** Removes what was applied. @returns how many those are, and whether there is use in going on. */
  async #applyAll(items: readonly Item[]): Promise<{ gone: number; goesOn: boolean }> {
    const { spool } = this.#options;
    const gone: number[] = [];
    let goesOn = true;
    for (let from = 0; goesOn && from < items.length; from += appliedAtOnceMax) {
      if (this.#stopped) goesOn = false;
      else {
        const slice = items.slice(from, from + appliedAtOnceMax);
        const fates = await Promise.all(slice.map((item) => this.#applyOne(item)));
        for (const [index, fate] of fates.entries()) {
          if (fate === "gone") gone.push((slice[index] as Item).stored.id);
          if (fate === "later: event log") this.#eventLogAnswers = false;
        }
        goesOn = !fates.includes("stop");
      }
    }
    if (gone.length > 0) await spool.queue.remove(gone);
    spool.measure();
    return { gone: gone.length, goesOn };
  }

  async #applyOne({ stored, record }: Item): Promise<Fate> {
    const { apply, telemetry } = this.#options;
    const kind = record instanceof Error ? "unknown" : record.kind;
    try {
      if (record instanceof Error) throw record;
      if (this.#waitsForDecision(record)) return "later";
      const result = await apply.execute(record, { askEventLog: this.#eventLogAnswers });
      telemetry.count("bandit_spool_applied_total", { kind, result });
      return "gone";
    } catch (error) {
      const fate = fateOf(error, {
        mayStillArrive: () => !(record instanceof Error) && this.#mayStillArrive(record),
      });
      if (fate !== "gone") return fate;
      if (!(await this.#bury(stored, error))) return "later";
      const isConflict =
        error instanceof BanditError && error.reason === "GENERATION_DECIDED_TWICE";
      const result = isConflict ? "conflict" : "dead";
      telemetry.count("bandit_spool_applied_total", { kind, result });
      return "gone";
    }
  }

  /** Until it is settled which decision stays, a report might count for the wrong arm. */
  #waitsForDecision(record: SpooledRecord): boolean {
    if (record.kind === "decision") return false;
    return this.#options.spool.queue.has(decisionKey(generationOf(record)));
  }

  /** Another replica may still have to bring its decision. The outage may have ended before this process began. */
  #mayStillArrive(record: SpooledRecord): boolean {
    if (record.kind === "decision") return false;
    const { guard, clock, catalogue } = this.#options;
    const sinceMs = Math.min(guard.sinceRecoveryMs, clock.monotonicMs() - this.#startedAtMs);
    if (sinceMs < decisionsArriveWithinMs) return true;
    return mayStillArrive(generationOf(record), { view: catalogue.view, nowMs: clock.nowMs() });
  }

  /** What is refused for good goes to the dead letters. @returns whether it is there. */
  async #bury(stored: DiskRecord, error: unknown): Promise<boolean> {
    const { deadLetters, logger } = this.#options;
    try {
      await deadLetters.execute("spooled", [{ content: stored.text, error: refusalText(error) }]);
    } catch (failure) {
      logger.warn("a refused spooled record cannot be put to the dead letters yet", {
        error: failure,
      });
      return false;
    }
    logger.warn("a spooled record was refused and is a dead letter now", {
      key: stored.key,
      error,
    });
    return true;
  }
}

function decode(text: string): SpooledRecord | Error {
  try {
    return decodeSpooled(text);
  } catch (error) {
    return error as Error;
  }
}
