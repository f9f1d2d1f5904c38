import { BanditError } from "../domain/errors.ts";

/** Time that the answers to calls that were cut have to leave, of the grace that a server was given. */
const lastWordsMs = 200;

/**
 * The calls of a server that were not answered yet. When it stops they get an answer that says so and may be
 * retried elsewhere; a connection that is just closed would tell the caller that it had cancelled the call itself.
 */
export class CallsUnderWay {
  readonly #cuts = new Set<(error: BanditError) => void>();
  readonly #streams = new Set<(error: BanditError) => void>();

  /** Settles like `call`, or rejects when {@link cut} comes first; the work itself goes on. */
  wait<Result>(call: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#cuts.add(reject);
      call.then(
        (result) => {
          this.#cuts.delete(reject);
          resolve(result);
        },
        (error: unknown) => {
          this.#cuts.delete(reject);
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

  /** Cuts what is left shortly before the end of a server's grace. @returns a function that calls it off */
  cutBefore(graceMs: number): () => void {
    const timer = setTimeout(() => this.#cut(), Math.max(graceMs - lastWordsMs, 0));
    return () => clearTimeout(timer);
  }

  #cut(): void {
    const error = stopping();
    for (const reject of this.#cuts) reject(error);
  }
}

function stopping(): BanditError {
  return new BanditError(
    "unavailable",
    "the service is stopping and did not finish this call in time",
    { reason: "SERVICE_STOPPING" },
  );
}
