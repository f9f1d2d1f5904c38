/** Measurements of a window, which takes half a second or little more. */
export const windowMeasurements = 50;
/** Of fewer calls in a window nothing is concluded: they are no overload. */
export const callsMin = 50;
/** An overload stands when in a window this part of the calls was refused … */
export const shedShareHigh = 0.002;
/** … and the event loop was this late on average: else it is not this process that has too much to do. */
export const meanDelayHighMs = 1;
/** A window is calm when less than this part was refused; more than above, since more of the same load is refused now … */
export const shedShareLow = 0.01;
/** … or when the event loop was as punctual as timers are, though decisions took this long: the store is slow then. */
export const meanDelayLowMs = 0.5;
export const slowDecisionMs = 10;
/**
 * After so many calm windows in a row the overload is over. Ten seconds of them cost next to nothing, and each return to
 * the bounds for bursts while there is still too much to do costs a second of late answers.
 */
export const calmWindows = 20;

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
  #calmInARow = 0;
  #measurements = 0;
  #calls = 0;
  #shed = 0;
  #delaySumMs = 0;
  #decisionSumMs = 0;

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

  /**
   * To be told every ten milliseconds.
   * @param delayMs how late the event loop is @param decisionMs how long decisions take on average
   */
  measure(delayMs: number, decisionMs: number): void {
    this.#measurements += 1;
    this.#delaySumMs += delayMs;
    this.#decisionSumMs += decisionMs;
    if (this.#measurements < windowMeasurements) return;
    this.#closeWindow();
    this.#measurements = 0;
    this.#calls = 0;
    this.#shed = 0;
    this.#delaySumMs = 0;
    this.#decisionSumMs = 0;
  }

  #closeWindow(): void {
    const share = this.#calls < callsMin ? 0 : this.#shed / this.#calls;
    const meanDelayMs = this.#delaySumMs / this.#measurements;
    if (!this.#isStanding) {
      this.#isStanding = share >= shedShareHigh && meanDelayMs >= meanDelayHighMs;
      this.#calmInARow = 0;
      return;
    }
    const isStoreSlow =
      meanDelayMs < meanDelayLowMs && this.#decisionSumMs / this.#measurements >= slowDecisionMs;
    this.#calmInARow = share < shedShareLow || isStoreSlow ? this.#calmInARow + 1 : 0;
    if (this.#calmInARow === calmWindows) this.#isStanding = false;
  }
}
