import type { Entropy } from "../ports/entropy.ts";

export interface RepeatedWorkOptions {
  /** One round. */
  readonly work: () => Promise<unknown>;
  /**
   * From the end of a round to the beginning of the next, milliseconds, also as a function of how many rounds in a row
   * have failed. Infinite: no next round until {@link RepeatedWork.start}.
   */
  readonly pauseMs: number | ((failures: number) => number);
  /** Told of a round that failed, and how soon the next one comes. */
  readonly onFailure: (
    error: unknown,
    next: { readonly failures: number; readonly retryInMs: number },
  ) => void;
}

/** Does something again and again, one round at a time, without keeping the process alive. */
export class RepeatedWork {
  readonly #options: RepeatedWorkOptions;
  #timer: NodeJS.Timeout | undefined;
  /** With which the timer was set; infinite when there is none. */
  #delayMs = Number.POSITIVE_INFINITY;
  #round: Promise<void> | undefined;
  #failures = 0;
  #stopped = false;

  constructor(options: RepeatedWorkOptions) {
    this.#options = options;
  }

  /**
   * Rounds that have failed since the last one that did not. Setting it to 0 makes the pauses short again, where a round
   * under way has got over what the ones before it failed with.
   */
  get failures(): number {
    return this.#failures;
  }
  set failures(failures: 0) {
    this.#failures = failures;
  }

  /** The next round comes after `afterMs`, the pause by default, unless it comes sooner anyway or is under way. */
  start(afterMs: number = this.#pauseMs()): void {
    if (this.#stopped || this.#round !== undefined || afterMs >= this.#delayMs) return;
    clearTimeout(this.#timer);
    this.#delayMs = afterMs;
    this.#timer = setTimeout(() => {
      this.#delayMs = Number.POSITIVE_INFINITY;
      this.#round = this.#run();
    }, afterMs).unref();
  }

  /** Goes on as after a round that has failed with `error`. */
  startAfter(error: unknown): void {
    if (!this.#stopped) this.start(this.#failed(error));
  }

  /** No further round begins. Resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    let pauseMs: number | undefined;
    try {
      await this.#options.work();
      this.#failures = 0;
    } catch (error) {
      if (!this.#stopped) pauseMs = this.#failed(error);
    }
    this.#round = undefined;
    this.start(pauseMs);
  }

  /** @returns the pause before the next round */
  #failed(error: unknown): number {
    this.#failures += 1;
    const retryInMs = this.#pauseMs();
    this.#options.onFailure(error, { failures: this.#failures, retryInMs });
    return retryInMs;
  }

  #pauseMs(): number {
    const { pauseMs } = this.#options;
    return typeof pauseMs === "number" ? pauseMs : pauseMs(this.#failures);
  }
}

/**
 * Pauses that double with every failure from `minMs` to `maxMs`; with `entropy` less up to a half by chance, so that
 * processes which failed together do not come back together.
 */
export function backOff({
  minMs,
  maxMs,
  entropy,
}: {
  readonly minMs: number;
  readonly maxMs: number;
  readonly entropy?: Entropy;
}): (failures: number) => number {
  return (failures) => {
    const longestMs = Math.min(minMs * 2 ** Math.min(Math.max(failures - 1, 0), 20), maxMs);
    if (entropy === undefined) return longestMs;
    const [byte = 0] = filled(entropy);
    return Math.round(longestMs * (1 - byte / 512));
  };
}

function filled(entropy: Entropy): Uint8Array {
  const bytes = new Uint8Array(1);
  entropy.fill(bytes);
  return bytes;
}
