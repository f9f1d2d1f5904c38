import type { Clock } from "../ports/clock.ts";

/** A callback at a moment, unless it is cleared before. */
export class DeadlineTimer {
  /** Of the monotonic clock, milliseconds. To be changed only while it is not set. */
  atMs: number;
  readonly ring: () => void;
  /** Neighbours in the list of those that are set; the list's own head is one, so one that is set has a `before`. */
  before: DeadlineTimer | undefined;
  after: DeadlineTimer | undefined;

  constructor(atMs: number, ring: () => void) {
    this.atMs = atMs;
    this.ring = ring;
  }
}

/** A longer wait is made of several. */
const timerMsMax = 60_000;

/**
 * Any number of moments on one timer of Node's, which wakes about once in the length of a time-out. Setting and clearing one
 * changes two neighbours of a list: on the hot path, where each call sets one and clears it within a
 * millisecond, a `Set` in its place took half a microsecond more a call.
 */
export class DeadlineTimers {
  readonly #clock: Clock;
  readonly #head = new DeadlineTimer(Number.NEGATIVE_INFINITY, () => undefined);
  #timer: NodeJS.Timeout | undefined;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param timer one that is not set. */
  set(timer: DeadlineTimer): void {
    const after = this.#head.after;
    timer.before = this.#head;
    timer.after = after;
    this.#head.after = timer;
    if (after !== undefined) after.before = timer;
    if (timer.atMs < this.#wakeAtMs) this.#wakeAt(timer.atMs);
  }

  /** Does nothing when it is not set, or has rung. */
  clear(timer: DeadlineTimer): void {
    const { before, after } = timer;
    if (before === undefined) return;
    before.after = after;
    if (after !== undefined) after.before = before;
    timer.before = undefined;
    timer.after = undefined;
  }

  /** Rings all that are set, whatever their moments. */
  ringAll(): void {
    this.#ringUntil(Number.POSITIVE_INFINITY);
  }

  #wakeAt(atMs: number): void {
    clearTimeout(this.#timer);
    this.#wakeAtMs = atMs;
    const waitMs = Math.min(Math.max(Math.ceil(atMs - this.#clock.monotonicMs()), 0), timerMsMax);
    this.#timer = setTimeout(() => {
      // Where this process was held up, answers may be waiting in the sockets: they are read before anything rings.
      setImmediate(() => this.#ringUntil(this.#clock.monotonicMs()));
    }, waitMs);
    this.#timer.unref();
  }

  #ringUntil(nowMs: number): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    const due: DeadlineTimer[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (let timer = this.#head.after; timer !== undefined; timer = timer.after) {
      if (timer.atMs <= nowMs) due.push(timer);
      else if (timer.atMs < nextMs) nextMs = timer.atMs;
    }
    for (const timer of due) {
      // One that rings may clear another, or set itself again.
      if (timer.before === undefined || timer.atMs > nowMs) continue;
      this.clear(timer);
      timer.ring();
    }
    if (nextMs < this.#wakeAtMs) this.#wakeAt(nextMs);
  }
}
