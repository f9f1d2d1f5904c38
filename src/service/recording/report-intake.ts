import { answerByMs, answerReserveMs, spoolReserveMs } from "../../concurrency/deadline.ts";
import type { DeadlineTimers } from "../../concurrency/deadline-timers.ts";
import { beforeMoment } from "../../concurrency/in-time.ts";
import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CallContext } from "../api/call-context.ts";
import type { OnlineState } from "../state/online-state.ts";
import { generationOf, type ReceivedReport, type ReportSpool } from "./received-reports.ts";
import type { Booked, ReportBooking } from "./report-booking.ts";

/**
 * After an outage, other replicas need a while to bring the decisions they have spooled into the state store; until
 * then a generation that is unknown may only not be known yet.
 */
export const decisionsArriveWithinMs = 60_000;

export interface ReportIntakeOptions {
  readonly booking: ReportBooking;
  readonly online: OnlineState;
  readonly timers: DeadlineTimers;
  readonly clock: Clock;
  /** Undefined: a report that cannot be booked now is refused. */
  readonly spool: ReportSpool | undefined;
}

/** Sees to it that a report is booked or, where that cannot be done now, kept on disk before it is acknowledged. */
export class ReportIntake {
  readonly #options: ReportIntakeOptions;

  constructor(options: ReportIntakeOptions) {
    this.#options = options;
  }

  /** Both may have happened: booking recognises what it has booked before. @throws BanditError */
  async take(report: ReceivedReport, context: CallContext): Promise<Booked | "spooled"> {
    const { booking, spool, online } = this.#options;
    const keptByMs = this.#byMs(context, answerReserveMs);
    if (spool === undefined) return this.#inTime(booking.book(report), keptByMs);
    const bookedByMs = this.#byMs(context, spoolReserveMs);
    const waits = !online.available || spool.holdsDecision(generationOf(report));
    if (!waits) {
      try {
        return await this.#inTime(booking.book(report), bookedByMs);
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
    // Not `OUTBOX_FULL`: the operator chooses how reports are treated then.
    if (error.reason === "STATE_FULL" || error.reason === "STATE_QUEUE_FULL") return true;
    return (
      error.reason === "GENERATION_NOT_FOUND" &&
      this.#options.online.sinceRecoveryMs < decisionsArriveWithinMs
    );
  }

  #byMs(context: CallContext, reserveMs: number): number {
    return answerByMs(context, { clock: this.#options.clock, reserveMs });
  }

  #inTime<Result>(work: Promise<Result>, atMs: number): Promise<Result> {
    return beforeMoment(work, { timers: this.#options.timers, atMs, what: "storing the report" });
  }
}
