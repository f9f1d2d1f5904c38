import type { Clock } from "../ports/clock.ts";

/** Something to be done at a moment, unless it is taken back before. */
export class Alarm {
  /** Of the monotonic clock, milliseconds. To be changed only while it is not set. */
  atMs: number;
  readonly ring: () => void;
  /** Neighbours in the list of those that are set; the list's own head is one, so one that is set has a `before`. */
  before: Alarm | undefined;
  after: Alarm | undefined;

  constructor(atMs: number, ring: () => void) {
    this.atMs = atMs;
    this.ring = ring;
  }
}

/** A longer wait is made of several. */
const timerMsMax = 60_000;

/**
 * Any number of alarms on one timer, which wakes about once in the length of a time-out. Setting and clearing one
 * changes two neighbours of a list: on the hot path, where each call sets one and clears it within a
 * millisecond, a `Set` in its place took half a microsecond more a call.
 */
export class Alarms {
  readonly #clock: Clock;
  readonly #head = new Alarm(Number.NEGATIVE_INFINITY, () => undefined);
  #timer: NodeJS.Timeout | undefined;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param alarm one that is not set. */
  set(alarm: Alarm): void {
    const after = this.#head.after;
    alarm.before = this.#head;
    alarm.after = after;
    this.#head.after = alarm;
    if (after !== undefined) after.before = alarm;
    if (alarm.atMs < this.#wakeAtMs) this.#wakeAt(alarm.atMs);
  }

  /** Does nothing when it is not set, or has rung. */
  clear(alarm: Alarm): void {
    const { before, after } = alarm;
    if (before === undefined) return;
    before.after = after;
    if (after !== undefined) after.before = before;
    alarm.before = undefined;
    alarm.after = undefined;
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
    const due: Alarm[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (let alarm = this.#head.after; alarm !== undefined; alarm = alarm.after) {
      if (alarm.atMs <= nowMs) due.push(alarm);
      else if (alarm.atMs < nextMs) nextMs = alarm.atMs;
    }
    for (const alarm of due) {
      // One that rings may clear another, or set itself again.
      if (alarm.before === undefined || alarm.atMs > nowMs) continue;
      this.clear(alarm);
      alarm.ring();
    }
    if (nextMs < this.#wakeAtMs) this.#wakeAt(nextMs);
  }
}
