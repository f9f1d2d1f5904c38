import { BanditError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";

/** The part of a call's context that says how long its caller waits. */
interface CallContext {
  /** Unix milliseconds. */
  readonly deadlineMs?: number;
}

/** A call that nobody waits for any more is not begun. @throws BanditError deadline_exceeded */
export function requireTimeLeft({ deadlineMs }: CallContext, clock: Clock): void {
  if (deadlineMs !== undefined && clock.nowMs() >= deadlineMs) throw deadlineExceeded("the call");
}

/**
 * The moment of the monotonic clock from which on `reserveMs` are left before the deadline, or half of the time that
 * is left now where that is less; infinite without a deadline.
 */
export function answerByMs(
  { deadlineMs }: CallContext,
  { clock, reserveMs }: { clock: Clock; reserveMs: number },
): number {
  if (deadlineMs === undefined) return Number.POSITIVE_INFINITY;
  const leftMs = deadlineMs - clock.nowMs();
  return clock.monotonicMs() + leftMs - Math.min(reserveMs, leftMs / 2);
}

/** @param what was not done in time. */
export function deadlineExceeded(what: string): BanditError {
  return new BanditError("deadline_exceeded", `${what} did not finish in time`, {
    reason: "DEADLINE_EXCEEDED",
  });
}
