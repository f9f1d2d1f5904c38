import { systemEntropy } from "../adapters/system/system-entropy.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/telemetry.ts";

/** Why something is not done yet. */
export interface Problem {
  /** When it first failed, Unix milliseconds. */
  readonly sinceMs: number;
  /** Of the newest attempt. */
  readonly error: unknown;
}

interface KeepTryingOptions {
  /** For the log, e.g. `migrations of the event log`. */
  readonly what: string;
  /** May be called any number of times until it succeeds once. */
  readonly work: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const delayMsMin = 100;
const delayMsMax = 5_000;

/**
 * Something that an engine has to be there for, tried in the background until it has succeeded once. Attempts
 * are 0.1 to 5 s apart, less up to a half by chance, so that many processes do not come all at once.
 */
export class KeepTrying {
  readonly #options: KeepTryingOptions;
  #problem: Problem | undefined;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: KeepTryingOptions) {
    this.#options = options;
  }

  /** Undefined when nothing is the matter: it was never started, or it is done. */
  get problem(): Problem | undefined {
    return this.#problem;
  }

  /** Goes on from an attempt that has failed with this. */
  start(error: unknown): void {
    this.#failed(error);
  }

  /** No further attempt begins; one under way is not waited for, because its engine may hang. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #failed(error: unknown): void {
    if (this.#stopped) return;
    const { what, clock, logger } = this.#options;
    this.#problem = { sinceMs: this.#problem?.sinceMs ?? clock.nowMs(), error };
    const longest = Math.min(delayMsMin * 2 ** Math.min(this.#attempts, 10), delayMsMax);
    const delayMs = Math.round(longest * (1 - randomShare() / 2));
    this.#attempts += 1;
    logger.warn("something waits for its engine and is tried again", {
      what,
      attempts: this.#attempts,
      retryInMs: delayMs,
      error,
    });
    this.#timer = setTimeout(() => void this.#try(), delayMs).unref();
  }

  /** Never rejects. */
  async #try(): Promise<void> {
    const { what, work, logger } = this.#options;
    try {
      await work();
      this.#problem = undefined;
      if (!this.#stopped) logger.info("its engine is there: done", { what });
    } catch (error) {
      this.#failed(error);
    }
  }
}

/** [0, 1). */
function randomShare(): number {
  const bytes = new Uint8Array(1);
  systemEntropy.fill(bytes);
  return (bytes[0] as number) / 256;
}
