import { BanditError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/telemetry.ts";
import { RepeatedWork } from "./repeated-work.ts";

/** Why something is not done yet. */
export interface Problem {
  /** When it first failed, Unix milliseconds. */
  readonly sinceMs: number;
  /** Of the newest attempt. */
  readonly error: unknown;
}

export interface KeepTryingOptions {
  /** For the log, e.g. `migrations of the event log`. */
  readonly what: string;
  /** May be called any number of times until it succeeds once. */
  readonly work: () => Promise<void>;
  /** Before the next attempt, milliseconds, after so many that have failed. */
  readonly pauseMs: (failures: number) => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Work that an engine has to be there for, tried in the background until it has succeeded once. */
export class KeepTrying {
  readonly #options: KeepTryingOptions;
  readonly #attempts: RepeatedWork;
  #problem: Problem | undefined;
  #stopped = false;

  constructor(options: KeepTryingOptions) {
    this.#options = options;
    this.#attempts = new RepeatedWork({
      work: () => this.#try(),
      pauseMs: (failures) =>
        failures === 0 ? Number.POSITIVE_INFINITY : options.pauseMs(failures),
      onFailure: (error, next) => this.#failed(error, next),
    });
  }

  /** Undefined when it was never started, or is done. */
  get problem(): Problem | undefined {
    return this.#problem;
  }

  /** Goes on from an attempt that has failed with this. */
  start(error: unknown): void {
    this.#attempts.startAfter(error);
  }

  /** No further attempt begins; one under way is not waited for, because its engine may hang. */
  stop(): void {
    this.#stopped = true;
    void this.#attempts.stop();
  }

  async #try(): Promise<void> {
    const { what, work, logger } = this.#options;
    await work();
    this.#problem = undefined;
    if (!this.#stopped) logger.info("an engine answers again", { what });
  }

  /** Said when it begins and when it turns into something else, not with every attempt. */
  #failed(error: unknown, next: { failures: number; retryInMs: number }): void {
    const { what, clock, logger } = this.#options;
    const before = this.#problem;
    this.#problem = { sinceMs: before?.sinceMs ?? clock.nowMs(), error };
    if (before !== undefined && reasonOf(before.error) === reasonOf(error)) return;
    const fields = { what, ...next, error };
    const isAway = error instanceof BanditError && error.code === "unavailable";
    if (isAway) logger.warn("an engine cannot be reached; the service tries again", fields);
    else logger.error("an engine cannot be used; the service tries again", fields);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof BanditError ? error.reason : "BUG";
}
