import { setImmediate as nextTurn } from "node:timers/promises";

/** Runs at most `runningMax` jobs at once; the others wait for their turn, first come first served. */
export class WaitingLine {
  readonly #runningMax: number;
  readonly #waitingMax: number;
  readonly #full: () => Error;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param options.full makes the error for a job that finds `waitingMax` waiting; without a bound any number may wait. */
  constructor(
    options: { runningMax: number } | { runningMax: number; waitingMax: number; full: () => Error },
  ) {
    const { runningMax, waitingMax, full } = {
      waitingMax: Number.POSITIVE_INFINITY,
      full: () => new Error("a line without a bound is never full"),
      ...options,
    };
    this.#runningMax = runningMax;
    this.#waitingMax = waitingMax;
    this.#full = full;
  }

  /** What `job` gives. Rejects at once, without running it, when the line is full. */
  async run<Result>(job: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#runningMax) this.#running += 1;
    else if (this.#waiting.length >= this.#waitingMax) throw this.#full();
    // A job that ends hands its place over, so the number of running jobs stays as it is.
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

/**
 * Does the work for each item, `lanes` of them at the same time; results in the order of the items. Replies that
 * arrive all at once would be read in one turn of the event loop.
 */
export function fewAtATime<Item, Result>(
  lanes: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const line = new WaitingLine({ runningMax: lanes });
  return Promise.all(items.map((item) => line.run(() => work(item))));
}

/** Items of batches begun in one turn of the event loop: about two milliseconds of work. */
export const itemsPerTurn = 50;

/**
 * Runs the items of batches, {@link itemsPerTurn} of all batches together in a turn, those of the batch that came first
 * before the others. Those of one turn are sent to the store together; between two turns other calls have theirs, so that
 * neither a batch of a thousand nor a hundred small ones delay a decision.
 */
export class Turns {
  #left = itemsPerTurn;
  #next: Promise<void> | undefined;

  /** The answers in the order of the items. @param answer must not reject */
  async run<Item, Answer>(
    items: readonly Item[],
    answer: (item: Item, index: number) => Promise<Answer>,
  ): Promise<Answer[]> {
    const answers: Promise<Answer>[] = [];
    for (const [index, item] of items.entries()) {
      while (this.#left === 0) await this.#next;
      this.#left -= 1;
      this.#next ??= nextTurn().then(() => {
        this.#left = itemsPerTurn;
        this.#next = undefined;
      });
      answers.push(answer(item, index));
    }
    return Promise.all(answers);
  }
}
