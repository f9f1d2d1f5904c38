import { BanditError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";

/** Time kept back to build and send the answer, milliseconds. */
export const answerReserveMs = 5;
/** Time kept back to flush a record to disk and answer, milliseconds. */
export const spoolReserveMs = 25;

/** The part of a call's context that says how long its caller waits. */
interface CallContext {
  /** Unix milliseconds. Absent: without end. */
  readonly deadlineMs?: number;
}

/** A call that nobody waits for any more is not begun. @throws BanditError deadline_exceeded */
export function requireTimeLeft({ deadlineMs }: CallContext, clock: Clock): void {
  if (deadlineMs !== undefined && clock.nowMs() >= deadlineMs) {
    throw deadlineExceeded("the call did not finish in time");
  }
}

/**
 * The moment of the monotonic clock from which on `reserveMs` remain before the deadline, or half of the time that
 * remains now where that is less; infinite without a deadline. To be asked when the call comes: callers tell deadlines
 * by the wall clock, which may be set right while an engine is waited for.
 */
export function answerByMs(
  { deadlineMs }: CallContext,
  { clock, reserveMs }: { clock: Clock; reserveMs: number },
): number {
  if (deadlineMs === undefined) return Number.POSITIVE_INFINITY;
  const leftMs = deadlineMs - clock.nowMs();
  return clock.monotonicMs() + leftMs - Math.min(reserveMs, leftMs / 2);
}

/** The one error for work that was given up because of its caller's deadline. @param message a whole sentence */
export function deadlineExceeded(message: string): BanditError {
  return new BanditError("deadline_exceeded", message, { reason: "DEADLINE_EXCEEDED" });
}
