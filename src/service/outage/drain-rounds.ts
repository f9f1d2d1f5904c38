import type { Clock } from "../../ports/clock.ts";

const pauseMsMin = 500;
const pauseMsMax = 15_000;
/** A record that stays costs some 50 µs each time it is tried, so trying costs a twentieth of a core at most. */
const pauseMsPerRecord = 1;

/**
 * Where in the spool the drain is. A round goes once through everything that is there. After it, only what is added is
 * new; records that had to stay are tried in the next round, which comes after a pause that grows with their number and
 * while none of them leaves. So a million that wait hold neither the new ones up nor cost much. A round that the store's
 * next outage cuts off goes on where it was: one that begins anew each time might never come to its end.
 */
export class DrainRounds {
  readonly #clock: Clock;
  #afterId = 0;
  #isInRound = true;
  #stayed = 0;
  #gone = 0;
  #pauseMs = pauseMsMin;
  #dueAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The records after this one are to be tried now. */
  get afterId(): number {
    if (!this.#isInRound && this.untilDueMs === 0) {
      this.#isInRound = true;
      this.#afterId = 0;
      this.#stayed = 0;
      this.#gone = 0;
    }
    return this.#afterId;
  }

  /** From now to the next round; 0: it is due, or one is under way. */
  get untilDueMs(): number {
    return this.#isInRound ? 0 : Math.max(this.#dueAtMs - this.#clock.monotonicMs(), 0);
  }

  /** The next round comes at once. */
  hurry(): void {
    this.#dueAtMs = Number.NEGATIVE_INFINITY;
    this.#pauseMs = pauseMsMin;
  }

  /** Some records were tried, up to `lastId`. */
  advance({ lastId, gone, stayed }: { lastId: number; gone: number; stayed: number }): void {
    this.#afterId = lastId;
    this.#gone += gone;
    this.#stayed += stayed;
  }

  /** There is nothing after {@link afterId}. */
  reachEnd(): void {
    if (!this.#isInRound) return;
    this.#isInRound = false;
    const inVain = this.#gone === 0 && this.#stayed > 0;
    const pauseMs = Math.max(this.#pauseMs, this.#stayed * pauseMsPerRecord);
    this.#dueAtMs = this.#clock.monotonicMs() + pauseMs;
    this.#pauseMs = inVain ? Math.min(this.#pauseMs * 2, pauseMsMax) : pauseMsMin;
  }
}
