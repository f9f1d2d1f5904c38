import { BanditError } from "../domain/errors.ts";

/** Time that the answers to calls that were cut have to leave, of the grace that a server was given. */
const lastWordsMs = 200;

/** A call that waits for its answer, between its neighbours in the list of those that do. */
interface Waiting {
  readonly cut: (error: BanditError) => void;
  before: Waiting | undefined;
  after: Waiting | undefined;
}

/**
 * The calls of a server that were not answered yet. When it stops they get an answer that says so and may be
 * retried elsewhere; a connection that is just closed would tell the caller that it had cancelled the call itself.
 *
 * A list, not a `Set`: one that thousands of calls a second are put into and taken from keeps those that have ended
 * from being collected (`ended-streams.ts` tells how); a list whose members let go of their neighbours does not.
 */
export class CallsUnderWay {
  readonly #first: Waiting = { cut: () => undefined, before: undefined, after: undefined };
  readonly #streams = new Set<(error: BanditError) => void>();

  /** Settles like `call`, or rejects when {@link cutBefore} comes first; the work itself goes on. */
  wait<Result>(call: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiting = this.#add(reject);
      call.then(
        (result) => {
          remove(waiting);
          resolve(result);
        },
        (error: unknown) => {
          remove(waiting);
          reject(error as Error);
        },
      );
    });
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
    const timer = setTimeout(() => this.#cut(), Math.max(graceMs - lastWordsMs, 0));
    return () => clearTimeout(timer);
  }

  #add(cut: (error: BanditError) => void): Waiting {
    const waiting: Waiting = { cut, before: this.#first, after: this.#first.after };
    if (waiting.after !== undefined) waiting.after.before = waiting;
    this.#first.after = waiting;
    return waiting;
  }

  #cut(): void {
    const error = stopping();
    for (let call = this.#first.after; call !== undefined; call = call.after) call.cut(error);
  }
}

function remove(waiting: Waiting): void {
  const { before, after } = waiting;
  if (before !== undefined) before.after = after;
  if (after !== undefined) after.before = before;
  waiting.before = undefined;
  waiting.after = undefined;
}

function stopping(): BanditError {
  return new BanditError(
    "unavailable",
    "the service is stopping and did not finish this call in time",
    { reason: "SERVICE_STOPPING" },
  );
}
