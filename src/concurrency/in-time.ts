import { deadlineExceeded } from "./deadline.ts";
import { DeadlineTimer, type DeadlineTimers } from "./deadline-timers.ts";

/** Node's timers count in 31 bits and ring at once beyond. */
const timerMsMax = 2 ** 31 - 1;

/**
 * `work`, or after `timeoutMs` what `late` gives or throws, whichever is first. The work goes on: a write that was sent
 * may still happen, and its failure is ignored then.
 * @param timeoutMs infinite: `work` itself
 */
export function withTimeout<Result, Late = never>(
  work: Promise<Result>,
  timeoutMs: number,
  late: () => Late,
): Promise<Result | Late> {
  if (timeoutMs === Number.POSITIVE_INFINITY) return work;
  return new Promise((resolve, reject) => {
    const ring = (): void => {
      try {
        resolve(late());
      } catch (error) {
        reject(error);
      }
    };
    // Where this process was held up, the answer may be waiting in a socket, which is read before a time-out counts.
    const timer = setTimeout(() => setImmediate(ring), Math.min(timeoutMs, timerMsMax));
    const settle =
      <Value>(how: (value: Value) => void) =>
      (value: Value): void => {
        clearTimeout(timer);
        how(value);
      };
    work.then(settle(resolve), settle(reject));
  });
}

/**
 * `work`, or `deadline_exceeded` at a moment of the monotonic clock, whichever is first: for calls by the thousand, which
 * share one timer. The work goes on as in {@link withTimeout}.
 * @param options.what begins the error's message
 */
export function beforeMoment<Result>(
  work: Promise<Result>,
  { timers, atMs, what }: { timers: DeadlineTimers; atMs: number; what: string },
): Promise<Result> {
  if (atMs === Number.POSITIVE_INFINITY) return work;
  const late = () => deadlineExceeded(`${what} did not finish in time`);
  return unlessRung(work, { timers, atMs, late });
}

/** `work`, or `late` when its timer rings first: at its moment, or with all others. @param options.atMs may be infinite */
export function unlessRung<Result>(
  work: Promise<Result>,
  { timers, atMs, late }: { timers: DeadlineTimers; atMs: number; late: () => Error },
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = new DeadlineTimer(atMs, () => reject(late()));
    timers.set(timer);
    const settle =
      <Value>(how: (value: Value) => void) =>
      (value: Value): void => {
        timers.clear(timer);
        how(value);
      };
    work.then(settle(resolve), settle(reject));
  });
}
