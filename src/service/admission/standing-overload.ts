/** Measurements, half a second or little more, after which it is asked whether an overload has begun. */
export const beginMeasurements = 50;
/**
 * Measurements, ten seconds, after which it is asked whether it is over. Many, for each return to the bounds for bursts while there
 * is too much to do costs a second of late answers; and one share of all of them, for each pause for garbage collection
 * makes half a second look worse than it is.
 */
export const endMeasurements = 1_000;
/** Of fewer calls in half a second nothing is concluded: they are no overload. */
export const callsMin = 50;
/** An overload stands when this part of the calls was refused … */
export const shedShareHigh = 0.002;
/** … and the event loop was this late on average: else it is not this process that has too much to do. */
export const meanDelayHighMs = 1;
/**
 * It is over when less than this part was refused. More than above, for of a load that the bounds for bursts would let in
 * whole strict ones refuse one to three calls in a hundred, and would never be left.
 */
export const shedShareLow = 0.03;
/**
 * It is over at once when the event loop worked for less than this part of half a second: it is the store that is slow then, or
 * callers who wait for their answers have all been sent away. At twice the sustainable load it works for 0.88 and more.
 */
export const utilizationLow = 0.5;

/** What the event loop has done since it began, milliseconds. */
export interface LoopTimes {
  readonly active: number;
  readonly idle: number;
}

/**
 * Tells an overload that lasts from a burst. A queue of some milliseconds helps a burst: it is over before the
 * queue is full, and nobody is refused. In front of an overload that lasts the same queue never empties: every call
 * that is answered has waited in it, and no more are answered than without it. (Good and bad queues, in the words of
 * Nichols and Jacobson, "Controlling Queue Delay", 2012.)
 *
 * Callers that wait for their answers before they call again are not taken for one, as long as the bounds for bursts
 * refuse none of them.
 */
export class StandingOverload {
  #isStanding = false;
  #measurements = 0;
  #calls = 0;
  #shed = 0;
  #delaySumMs = 0;
  readonly #readLoop: () => LoopTimes;
  #loop: LoopTimes;

  constructor(readLoop: () => LoopTimes = () => performance.eventLoopUtilization()) {
    this.#readLoop = readLoop;
    this.#loop = readLoop();
  }

  get isStanding(): boolean {
    return this.#isStanding;
  }

  /** A call has come, whatever becomes of it. */
  called(): void {
    this.#calls += 1;
  }

  /** A call was refused. */
  shed(): void {
    this.#shed += 1;
  }

  /** To be told every ten milliseconds. @param delayMs how late the event loop is */
  measure(delayMs: number): void {
    this.#measurements += 1;
    this.#delaySumMs += delayMs;
    if (this.#measurements % beginMeasurements !== 0) return;
    const isIdle = this.#utilization() < utilizationLow;
    if (this.#isStanding && !isIdle && this.#measurements < endMeasurements) return;
    this.#isStanding =
      !isIdle && (this.#isStanding ? this.#shedShare >= shedShareLow : this.#hasBegun());
    this.#measurements = 0;
    this.#calls = 0;
    this.#shed = 0;
    this.#delaySumMs = 0;
  }

  #hasBegun(): boolean {
    if (this.#calls < callsMin) return false;
    return (
      this.#shedShare >= shedShareHigh && this.#delaySumMs / this.#measurements >= meanDelayHighMs
    );
  }

  get #shedShare(): number {
    return this.#shed / Math.max(1, this.#calls);
  }

  /** Since it was last asked for. */
  #utilization(): number {
    const { active, idle } = this.#readLoop();
    const activeMs = active - this.#loop.active;
    const idleMs = idle - this.#loop.idle;
    this.#loop = { active, idle };
    return activeMs + idleMs === 0 ? 1 : activeMs / (activeMs + idleMs);
  }
}
