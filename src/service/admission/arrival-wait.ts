import type { Clock } from "../../ports/clock.ts";

/**
 * How long a call that is read now may have waited to be read: what came before the turn of the event loop before this
 * one was read then. It is the longest possible wait, not the exact one, which only the caller knows.
 *
 * Time in which the loop idled is taken off, for while it idles it reads what comes at once.
 */
export class ArrivalWait {
  readonly #clock: Clock;
  readonly #idleMs: () => number;
  #isTurnUnderWay = false;
  #turnAtMs: number;
  #idledMs: number;
  /** Of calls that are read at the beginning of this turn. */
  #waitMs = 0;

  /** @param options.idleMs for how long the event loop has idled since it began, milliseconds */
  constructor(options: { clock: Clock; idleMs?: () => number }) {
    this.#clock = options.clock;
    this.#idleMs = options.idleMs ?? (() => performance.eventLoopUtilization().idle);
    this.#turnAtMs = this.#clock.monotonicMs();
    this.#idledMs = this.#idleMs();
  }

  /**
   * A call is read, or a timer is called, after which the loop reads what has come.
   * @returns milliseconds for which a call may have waited, at most
   */
  read(): number {
    const nowMs = this.#clock.monotonicMs();
    if (!this.#isTurnUnderWay) this.#beginTurn(nowMs);
    return this.#waitMs + nowMs - this.#turnAtMs;
  }

  /** To be told at the end of each turn in which {@link read} was called. */
  endTurn(): void {
    this.#isTurnUnderWay = false;
  }

  #beginTurn(nowMs: number): void {
    const idledMs = this.#idleMs();
    const idleMs = idledMs - this.#idledMs;
    this.#waitMs = Math.max(0, nowMs - this.#turnAtMs - idleMs);
    this.#isTurnUnderWay = true;
    this.#turnAtMs = nowMs;
    this.#idledMs = idledMs;
  }
}
