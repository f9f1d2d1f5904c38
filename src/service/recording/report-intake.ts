import { answerByMs, answerReserveMs, spoolReserveMs } from "../../concurrency/deadline.ts";
import type { DeadlineTimers } from "../../concurrency/deadline-timers.ts";
import { beforeMoment } from "../../concurrency/in-time.ts";
import { BanditError } from "../../domain/errors.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CallContext } from "../api/call-context.ts";
import type { Spool } from "../outage/spool.ts";
import type { SpooledRecord } from "../outage/spooled-record.ts";
import type { StateGuard } from "../outage/state-guard.ts";

/**
 * After an outage, other replicas need a while to bring the decisions they have spooled into the state store; until
 * then a generation that is unknown may only not be known yet.
 */
export const decisionsArriveWithinMs = 60_000;

export interface ReportIntakeOptions {
  readonly guard: StateGuard;
  readonly timers: DeadlineTimers;
  readonly clock: Clock;
  /** Absent: a report that cannot be booked now is refused. */
  readonly spool?: Spool;
}

/** Sees to it that a report is booked or, where that cannot be done now, kept on disk before it is acknowledged. */
export class ReportIntake {
  readonly #options: ReportIntakeOptions;

  constructor(options: ReportIntakeOptions) {
    this.#options = options;
  }

  /**
   * What `book` gives, or `spooled`. Both may have happened: booking recognises what it has booked before.
   * @param report what is kept when it cannot be booked. @throws BanditError
   */
  async take<Status>(
    report: Exclude<SpooledRecord, { kind: "decision" }>,
    book: () => Promise<Status>,
    context: CallContext,
  ): Promise<Status | "spooled"> {
    const { spool, guard } = this.#options;
    // Asked now: the wall clock, in which deadlines are told, may be set right while the store is waited for.
    const keptByMs = this.#byMs(context, answerReserveMs);
    if (spool === undefined) return this.#inTime(book(), keptByMs);
    const waits = !guard.available || spool.findDecision(generationOf(report)) !== undefined;
    if (!waits) {
      try {
        return await this.#inTime(book(), this.#byMs(context, spoolReserveMs));
      } catch (error) {
        if (!this.#mayPass(error)) throw error;
      }
    }
    await this.#inTime(spool.addReport(report), keptByMs);
    return "spooled";
  }

  /** Whether the report is kept until more is known, instead of refused. */
  #mayPass(error: unknown): boolean {
    if (!(error instanceof BanditError)) return false;
    if (error.code === "unavailable" || error.code === "deadline_exceeded") return true;
    // Not `OUTBOX_FULL`: what is to become of reports then is the operator's choice.
    if (error.reason === "STATE_FULL" || error.reason === "STATE_QUEUE_FULL") return true;
    return (
      error.reason === "GENERATION_NOT_FOUND" &&
      this.#options.guard.sinceRecoveryMs < decisionsArriveWithinMs
    );
  }

  #byMs(context: CallContext, reserveMs: number): number {
    return answerByMs(context, { clock: this.#options.clock, reserveMs });
  }

  #inTime<Result>(work: Promise<Result>, atMs: number): Promise<Result> {
    return beforeMoment(work, { timers: this.#options.timers, atMs, what: "storing the report" });
  }
}

/** The generation that a report is about. */
export function generationOf(report: Exclude<SpooledRecord, { kind: "decision" }>): GenerationId {
  return report.kind === "outcome" ? report.outcome.generationId : report.generation.generationId;
}
