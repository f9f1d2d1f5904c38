import { setImmediate as nextTurn } from "node:timers/promises";
import { backOff, RepeatedWork } from "../../concurrency/repeated-work.ts";
import { BanditError } from "../../domain/errors.ts";
import type { DiskRecord } from "../../ports/disk-queue.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import type { CatalogueCache } from "../catalogue/catalogue-cache.ts";
import { type RecordDeadLetters, refusalText } from "../events/record-dead-letters.ts";
import { generationOf } from "../recording/received-reports.ts";
import { decisionsArriveWithinMs } from "../recording/report-intake.ts";
import { decisionMayStillArrive } from "../recording/retention.ts";
import { type ApplySpooledDependencies, applySpooled } from "./apply-spooled.ts";
import { DrainRounds } from "./drain-rounds.ts";
import type { Spool } from "./spool.ts";
import { type Fate, fateOf, gone, stays } from "./spooled-fate.ts";
import { decisionKey, decodeSpooled, type SpooledRecord } from "./spooled-record.ts";

export interface SpoolDrainOptions extends ApplySpooledDependencies {
  readonly spool: Spool;
  readonly deadLetters: RecordDeadLetters;
  readonly catalogue: CatalogueCache;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}

/** Read at once: some 150 records, whose decoding holds others up for less than a millisecond. */
const chunkBytes = 128 * 1024;
/** Applied at once: enough to fill a batch of the state store, few beside what callers send. */
const appliedAtOnceMax = 64;
/** Records taken over from a process that has ended are noticed within this time. */
const lookMs = 1_000;
/** From a record that was added while the state store answers to its being applied. */
const soonMs = 50;
/** After the store or the outbox had no room, or the disk could not be written. */
const pauseMsInVain = backOff({ minMs: 500, maxMs: 15_000 });

interface Item {
  readonly stored: DiskRecord;
  /** An error where it cannot be read. */
  readonly record: SpooledRecord | Error;
}

/**
 * Applies spooled records, once the state store answers: oldest first, decisions before the reports of their chunk.
 * A record is removed only after it was applied, so after a crash some are applied again, which changes nothing:
 * the store recognises a decision by its generation, a report by its id in the generation's ledger.
 *
 * Callers' reports meanwhile go straight to the store, ahead of older ones that are still here. That is the same
 * in the end, because outcomes commute (invariant I4), with one exception: a report about a decision that is
 * still here is spooled behind it (`report-intake.ts`). Another replica may have made another decision for
 * the same generation before the outage; that one stays, and the report must count for its arm.
 */
export class SpoolDrain {
  readonly #options: SpoolDrainOptions;
  readonly #rounds: DrainRounds;
  readonly #passes: RepeatedWork;
  readonly #looks: RepeatedWork;
  /** In a row, that had to stop before their end. */
  #passesInVain = 0;
  #eventLogAnswers = true;
  #startedAtMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: SpoolDrainOptions) {
    const { spool, online, logger } = options;
    this.#options = options;
    this.#rounds = new DrainRounds(options.clock);
    this.#passes = new RepeatedWork({
      work: () => this.#runPass(),
      pauseMs: () => this.#pauseMs(),
      onFailure: (error) => {
        this.#passesInVain += 1;
        logger.error("spooled records could not be applied; they stay on disk", { error });
      },
    });
    this.#looks = new RepeatedWork({
      pauseMs: lookMs,
      work: async () => {
        spool.measure();
        if (spool.queue.size.records > 0 && online.available) this.#startSoon(0);
      },
      onFailure: (error) => logger.error("the spool could not be read", { error }),
    });
  }

  /** Begins with the records from before, and goes on for as long as records come. */
  start(): void {
    const { spool, online, clock } = this.#options;
    this.#startedAtMs = clock.monotonicMs();
    online.onRecovered(() => {
      this.#passesInVain = 0;
      this.#rounds.hurry();
      this.#passes.start(0);
    });
    spool.onAdded(() => {
      if (online.available) this.#startSoon(soonMs);
    });
    if (spool.queue.size.records > 0) this.#passes.start(0);
    this.#looks.start();
  }

  /** Ends after the records under way; the others stay on disk. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#looks.stop(), this.#passes.stop()]);
  }

  #startSoon(afterMs: number): void {
    this.#passes.start(Math.max(afterMs, this.#passesInVain === 0 ? 0 : this.#pauseMs()));
  }

  /** Without the state store the drain waits until it is back. Postponed records come up again later. */
  #pauseMs(): number {
    const { spool, online } = this.#options;
    if (spool.queue.size.records === 0 || !online.available) return Number.POSITIVE_INFINITY;
    if (this.#passesInVain > 0) return pauseMsInVain(this.#passesInVain);
    return Math.max(this.#rounds.untilDueMs, soonMs);
  }

  async #runPass(): Promise<void> {
    const { spool, online, logger } = this.#options;
    this.#eventLogAnswers = true;
    let applied = 0;
    try {
      while (online.available && !this.#stopped) {
        const chunk = spool.queue.read({ bytesMax: chunkBytes, afterId: this.#rounds.afterId });
        const last = chunk.at(-1);
        if (last === undefined) {
          this.#rounds.reachEnd();
          break;
        }
        const left = await this.#applyChunk(chunk);
        if (left === undefined) {
          this.#passesInVain += 1;
          break;
        }
        applied += left;
        if (left > 0) this.#passesInVain = 0;
        this.#rounds.advance({ lastId: last.id, gone: left, stayed: chunk.length - left });
        await nextTurn();
      }
    } finally {
      spool.measure();
      if (applied > 0) {
        const { records } = spool.queue.size;
        logger.info("spooled records were applied", { records: applied, left: records });
      }
    }
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

  /** Removes the applied records. @returns their number, and whether to go on. */
  async #applyAll(items: readonly Item[]): Promise<{ gone: number; goesOn: boolean }> {
    const { spool } = this.#options;
    const goneIds: number[] = [];
    let goesOn = true;
    for (let from = 0; goesOn && from < items.length; from += appliedAtOnceMax) {
      if (this.#stopped) {
        goesOn = false;
        break;
      }
      const slice = items.slice(from, from + appliedAtOnceMax);
      const fates = await Promise.all(slice.map((item) => this.#applyOne(item)));
      for (const [index, fate] of fates.entries()) {
        if (fate.kind === "gone") goneIds.push((slice[index] as Item).stored.id);
        if (fate.kind === "stays" && fate.eventLogIsAway) this.#eventLogAnswers = false;
      }
      goesOn = fates.every(({ kind }) => kind !== "stop");
    }
    if (goneIds.length > 0) await spool.queue.remove(goneIds);
    spool.measure();
    return { gone: goneIds.length, goesOn };
  }

  async #applyOne({ stored, record }: Item): Promise<Fate> {
    const { telemetry } = this.#options;
    const kind = record instanceof Error ? "unknown" : record.kind;
    try {
      if (record instanceof Error) throw record;
      if (this.#waitsForDecision(record)) return stays;
      const askEventLog = this.#eventLogAnswers;
      const result = await applySpooled(this.#options, record, { askEventLog });
      telemetry.count("bandit_spool_applied_total", { kind, result });
      return gone;
    } catch (error) {
      const fate = fateOf(error, {
        mayStillArrive: () => !(record instanceof Error) && this.#mayStillArrive(record),
      });
      if (fate !== gone) return fate;
      if (!(await this.#bury(stored, error))) return stays;
      const isConflict =
        error instanceof BanditError && error.reason === "GENERATION_DECIDED_TWICE";
      const result = isConflict ? "conflict" : "dead";
      telemetry.count("bandit_spool_applied_total", { kind, result });
      return gone;
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
    const { online, clock, catalogue } = this.#options;
    const sinceMs = Math.min(online.sinceRecoveryMs, clock.monotonicMs() - this.#startedAtMs);
    if (sinceMs < decisionsArriveWithinMs) return true;
    const now = { view: catalogue.view, nowMs: clock.nowMs() };
    return decisionMayStillArrive(generationOf(record), now);
  }

  /** Makes a record that is refused for good a dead letter. @returns whether that is done. */
  async #bury(stored: DiskRecord, error: unknown): Promise<boolean> {
    const { deadLetters, logger } = this.#options;
    try {
      await deadLetters.execute("spooled", [{ content: stored.text, error: refusalText(error) }]);
    } catch (failure) {
      logger.warn("a refused spooled record cannot become a dead letter yet", {
        error: failure,
      });
      return false;
    }
    logger.warn("a spooled record was refused and became a dead letter", {
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
