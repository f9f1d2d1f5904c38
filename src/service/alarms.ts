import type { Clock } from "../ports/clock.ts";

/** Something to be done at a moment, unless it is taken back before. */
export interface Alarm {
  /** Of the monotonic clock, milliseconds. */
  atMs: number;
  ring(): void;
}

/** A longer wait is made of several. */
const timerMsMax = 60_000;

/**
 * Any number of alarms on one timer. A timer for each call, made and taken back within a millisecond, was a
 * measurable part of what a decision costs; here setting and clearing one is an operation on a set, and the timer
 * wakes about once in the length of a time-out.
 */
export class Alarms {
  readonly #clock: Clock;
  readonly #alarms = new Set<Alarm>();
  #timer: NodeJS.Timeout | undefined;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  set(alarm: Alarm): void {
    this.#alarms.add(alarm);
    if (alarm.atMs < this.#wakeAtMs) this.#wakeAt(alarm.atMs);
  }

  /** Does nothing when it has rung. */
  clear(alarm: Alarm): void {
    this.#alarms.delete(alarm);
  }

  #wakeAt(atMs: number): void {
    clearTimeout(this.#timer);
    this.#wakeAtMs = atMs;
    const waitMs = Math.min(Math.max(Math.ceil(atMs - this.#clock.monotonicMs()), 0), timerMsMax);
    this.#timer = setTimeout(() => {
      // Where this process was held up, answers may be waiting in the sockets: they are read before anything rings.
      setImmediate(() => this.#ringDue());
    }, waitMs);
    this.#timer.unref();
  }

  #ringDue(): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonicMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const alarm of this.#alarms) {
      if (alarm.atMs <= nowMs) {
        this.#alarms.delete(alarm);
        alarm.ring();
      } else if (alarm.atMs < nextMs) {
        nextMs = alarm.atMs;
      }
    }
    if (nextMs < this.#wakeAtMs) this.#wakeAt(nextMs);
  }
}
