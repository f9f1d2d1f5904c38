/** How long calls may wait in this process, and what is done against it. */
export interface QueueBounds {
  /** However late the event loop is, this many calls may be under way. */
  readonly limitMin: number;
  /** The limit shrinks while the event loop is later than this … */
  readonly delayHighMs: number;
  /** … and grows while it is less late than this. In between it stays (hysteresis). */
  readonly delayLowMs: number;
  /**
   * The same for how long decisions take on average: what piles up in front of a state store does not make the
   * event loop late. Reports are left out: one of an old generation waits for the event log, which takes
   * its time without any load.
   */
  readonly durationHighMs: number;
  readonly durationLowMs: number;
  /**
   * A decision that may have waited for longer before it was read is refused while the limit is below its largest, and
   * so are other calls after their class's share of it.
   */
  readonly arrivalWaitMaxMs: number;
}

/**
 * A burst may wait: about ten milliseconds of work are let in. With 100 calls the median answer took 34 ms at
 * far more load than two shared cores can do; many fewer would refuse what a stall of the machine has let pile up, or
 * callers who wait for their answers: 64 at once are served in 7 to 9 ms each.
 */
export const burstBounds: QueueBounds = {
  limitMin: 50,
  delayHighMs: 10,
  delayLowMs: 5,
  durationHighMs: 15,
  durationLowMs: 10,
  arrivalWaitMaxMs: Number.POSITIVE_INFINITY,
};

/**
 * An overload that lasts may not: see `standing-overload.ts`. A call is in a socket for a turn of the event loop before it
 * is read, and its answer for another before it is sent, so what may be under way between them is to be little more
 * than a turn's work. A pause for garbage collection (100 ms every some seconds) lets a hundred calls and more pile up,
 * one in a hundred of all: they are late already, and answering them delays those that come after.
 */
export const standingBounds: QueueBounds = {
  limitMin: 16,
  delayHighMs: 2,
  delayLowMs: 1,
  durationHighMs: 5,
  durationLowMs: 4,
  arrivalWaitMaxMs: 10,
};
