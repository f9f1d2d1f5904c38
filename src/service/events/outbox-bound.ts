import { RepeatedWork } from "../../concurrency/repeated-work.ts";
import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Outbox, OutboxState } from "../../ports/state-store.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import type { SpilledEvents } from "./spilled-events.ts";

export interface OutboxBoundOptions {
  readonly state: Pick<Outbox, "outboxState">;
  /** Undefined: nothing is spilled, and nothing waits from when it was. */
  readonly spilled: SpilledEvents | undefined;
  /** Bytes of events that may wait in the outbox. */
  readonly bytesMax: number;
  /** At that bound: refuse reports, or spill the oldest events. */
  readonly whenFull: "refuse" | "spill";
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** Between two looks at the outbox; 250 by default. */
  readonly intervalMs?: number;
  /** Called after each look. @returns whether to look again at once */
  readonly onLook?: () => Promise<boolean>;
}

const intervalMsDefault = 250;
/** From here on events are spilled, so that reports need not be refused. */
const spillShare = 0.8;
/** Here they are also spilled when the event log takes them, but not as fast as they come. */
const spillAnywayShare = 0.9;
/** A decision is worth more than a report: it goes on being stored where those are refused. */
const decisionShare = 1.25;
/** An outage rarely ends sooner, and a caller who waits this long has not waited long after it. */
const retryAfterMs = 5_000;

type ReportKind = "generation" | "outcome";

/**
 * Looks at the outbox again and again: for the metrics, and so that its bound costs a report nothing. What comes
 * between two looks may exceed the bound, by a quarter of a second's worth.
 */
export class OutboxBound {
  readonly #options: OutboxBoundOptions;
  readonly #looks: RepeatedWork;
  #isMoreToDo = false;
  #outbox: OutboxState = { entries: 0, rows: 0, bytes: 0 };
  #wasFull = false;

  constructor(options: OutboxBoundOptions) {
    this.#options = options;
    this.#looks = new RepeatedWork({
      pauseMs: () => (this.#isMoreToDo ? 0 : (options.intervalMs ?? intervalMsDefault)),
      work: async () => {
        this.#isMoreToDo = false;
        await this.look();
        this.#isMoreToDo = (await options.onLook?.()) ?? false;
      },
      onFailure: (error) => {
        options.logger.debug("the outbox could not be looked at", { error });
      },
    });
  }

  /** Looks once, so that a full outbox is known before the first report, then again and again. */
  async start(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      // A service starts without its state store, too.
      this.#options.logger.debug("the outbox could not be looked at", { error });
    }
    this.#looks.start();
  }

  stop(): Promise<void> {
    return this.#looks.stop();
  }

  /** Size of the outbox now. @throws BanditError unavailable; the last known size stays in force. */
  async look(): Promise<OutboxState> {
    try {
      this.#outbox = await this.#options.state.outboxState();
    } finally {
      // Also when the outbox did not answer: its events grow older.
      this.#measure();
    }
    const isFull = this.#share >= 1;
    if (isFull !== this.#wasFull) {
      this.#wasFull = isFull;
      const { logger, bytesMax, whenFull } = this.#options;
      const fields = { bytes: this.#outbox.bytes, bytesMax, whenFull };
      if (isFull) logger.error("the outbox is full; reports are refused", fields);
      else logger.info("the outbox has room again", fields);
    }
    return this.#outbox;
  }

  /** As it was at the last look. */
  get state(): OutboxState {
    return this.#outbox;
  }

  /** @param logInTrouble the event log has not taken anything for a while. */
  isSpillDue(logInTrouble: boolean): boolean {
    const { whenFull, spilled } = this.#options;
    if (whenFull !== "spill" || spilled === undefined || spilled.isFull) return false;
    // Spilled events go first, so the outbox waits for as long as there are any.
    const share = logInTrouble || !spilled.isEmpty ? spillShare : spillAnywayShare;
    return this.#share >= share;
  }

  /**
   * To be asked before anything of a report is written.
   * @param options.wasAcknowledged it is on disk and waits there: its delay is not counted as a refusal.
   * @throws BanditError resource_exhausted, OUTBOX_FULL or SPILL_FULL, with the time after which to come again
   */
  requireRoomForReport(
    kind: ReportKind,
    { wasAcknowledged = false }: { readonly wasAcknowledged?: boolean } = {},
  ): void {
    if (this.#share < 1) return;
    const error = this.#full();
    if (!wasAcknowledged) {
      const { reason } = error;
      this.#options.telemetry.count("bandit_reports_refused_total", { kind, reason });
    }
    throw error;
  }

  /** The same for a decision, which has a quarter more. @throws BanditError as {@link requireRoomForReport} */
  requireRoomForDecision(): void {
    const error = this.noRoomForDecision();
    if (error !== undefined) throw error;
  }

  /** Why a decision is answered degraded and not stored; undefined when there is room. */
  noRoomForDecision(): BanditError | undefined {
    return this.#share < decisionShare ? undefined : this.#full();
  }

  /** Reports are refused. */
  get isFull(): boolean {
    return this.#share >= 1;
  }

  #full(): BanditError {
    const { whenFull, spilled } = this.#options;
    const message =
      "too many events wait for the event log; nothing was stored, report it again later";
    return whenFull === "spill" && spilled?.isFull === true
      ? new BanditError("resource_exhausted", message, { reason: "SPILL_FULL", retryAfterMs })
      : new BanditError("resource_exhausted", message, { reason: "OUTBOX_FULL", retryAfterMs });
  }

  get #share(): number {
    return this.#outbox.bytes / this.#options.bytesMax;
  }

  #measure(): void {
    const { telemetry, clock, spilled } = this.#options;
    const { entries, rows, bytes, oldestAtMs } = this.#outbox;
    telemetry.gauge("bandit_outbox_entries", entries);
    telemetry.gauge("bandit_outbox_rows", rows);
    telemetry.gauge("bandit_outbox_bytes", bytes);
    const nowMs = clock.nowMs();
    const oldestMs = Math.min(oldestAtMs ?? nowMs, spilled?.first()?.oldestAtMs ?? nowMs);
    telemetry.gauge("bandit_event_lag_seconds", (nowMs - oldestMs) / 1_000);
    if (spilled !== undefined) telemetry.gauge("bandit_spill_bytes", spilled.bytes);
  }
}
