import { DeadlineTimers } from "../concurrency/deadline-timers.ts";
import { unlessRung } from "../concurrency/in-time.ts";
import { BanditError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";

/** Time that the answers to calls that were cut have to leave, of the grace that a server was given. */
const lastWordsMs = 200;

/**
 * The calls of a server that were not answered yet. When it stops they get an answer that says so and may be
 * retried elsewhere; a connection that is just closed would tell the caller that it had cancelled the call itself.
 *
 * Timers without a moment, not a `Set`: one that thousands of calls a second are put into and taken from keeps those
 * that have ended from being collected (`ended-streams.ts` tells how); timers let go of their neighbours.
 */
export class CallsUnderWay {
  readonly #timers: DeadlineTimers;
  readonly #streams = new Set<(error: BanditError) => void>();

  constructor(clock: Clock) {
    this.#timers = new DeadlineTimers(clock);
  }

  /** Settles like `call`, or rejects when {@link cutBefore} comes first; the work itself goes on. */
  wait<Result>(call: Promise<Result>): Promise<Result> {
    const atMs = Number.POSITIVE_INFINITY;
    return unlessRung(call, { timers: this.#timers, atMs, late: stopping });
  }

  /** A stream has begun. @param end ends it with an error @returns to be called when it is over */
  beginStream(end: (error: BanditError) => void): () => void {
    this.#streams.add(end);
    return () => void this.#streams.delete(end);
  }

  /** Ends all streams at once: they may take hours, so there is no sense in waiting for them. */
  endStreams(): void {
    const error = stopping();
    for (const end of this.#streams) end(error);
  }

  /** Cuts the calls that still run shortly before the end of a server's grace. @returns a function that calls it off */
  cutBefore(graceMs: number): () => void {
    const timer = setTimeout(() => this.#timers.ringAll(), Math.max(graceMs - lastWordsMs, 0));
    return () => clearTimeout(timer);
  }
}

function stopping(): BanditError {
  return new BanditError(
    "unavailable",
    "the service is stopping and did not finish this call in time",
    { reason: "SERVICE_STOPPING" },
  );
}
