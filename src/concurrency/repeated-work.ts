export interface RepeatedWorkOptions {
  /** From the end of one round to the beginning of the next. */
  readonly intervalMs: number;
  readonly work: () => Promise<void>;
  /** Told of a round that failed; the next one comes all the same. */
  readonly onFailure: (error: unknown) => void;
}

/** Does something again and again, one round at a time, without keeping the process alive. */
export class RepeatedWork {
  readonly #options: RepeatedWorkOptions;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: RepeatedWorkOptions) {
    this.#options = options;
  }

  /** The first round comes after the interval. */
  start(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      const { work, onFailure } = this.#options;
      this.#round = work()
        .catch(onFailure)
        .finally(() => {
          this.start();
        });
    }, this.#options.intervalMs);
    this.#timer.unref();
  }

  /** No further round begins. Resolves when the one under way has ended. */
  stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    return this.#round;
  }
}
