/** Runs at most `runningMax` jobs at once; `waitingMax` more wait for their turn, first come first served. */
export class WaitingLine {
  readonly #runningMax: number;
  readonly #waitingMax: number;
  readonly #full: () => Error;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param options.full makes the error for a job that finds the line full. */
  constructor(options: { runningMax: number; waitingMax: number; full: () => Error }) {
    this.#runningMax = options.runningMax;
    this.#waitingMax = options.waitingMax;
    this.#full = options.full;
  }

  /** What `job` gives. Rejects at once, without running it, when the line is full. */
  async run<Result>(job: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#runningMax) this.#running += 1;
    else if (this.#waiting.length >= this.#waitingMax) throw this.#full();
    // Whoever ends hands its place over, so the number of running jobs stays as it is.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await job();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
