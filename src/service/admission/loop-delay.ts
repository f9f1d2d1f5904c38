import type { Clock } from "../../ports/clock.ts";

/** Between two measurements, milliseconds. */
export const sampleIntervalMs = 10;

/**
 * Measures how late the event loop is: a timer tells how long after its moment it was called. Work that
 * is waiting for its turn waits as long, so this is the queueing time inside the process. Costs one
 * timer call every ten milliseconds.
 */
export class LoopDelay {
  readonly #clock: Clock;
  readonly #onSample: (delayMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #dueAtMs = 0;

  constructor(options: { clock: Clock; onSample: (delayMs: number) => void }) {
    this.#clock = options.clock;
    this.#onSample = options.onSample;
  }

  /** Does not keep the process alive. */
  start(): void {
    this.#dueAtMs = this.#clock.monotonicMs() + sampleIntervalMs;
    this.#timer = setTimeout(() => this.#sample(), sampleIntervalMs);
    this.#timer.unref();
  }

  /** Idempotent. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #sample(): void {
    if (this.#timer === undefined) return;
    this.#onSample(Math.max(0, this.#clock.monotonicMs() - this.#dueAtMs));
    this.start();
  }
}
