import { Alarm, type Alarms } from "./deadline-timers.ts";
import { deadlineExceeded } from "./time-left.ts";

/**
 * `work`, or a `deadline_exceeded` error at a moment of the monotonic clock, whichever is first. The work itself
 * goes on: a write that was sent may still happen.
 */
export function beforeMoment<Result>(
  work: Promise<Result>,
  { alarms, atMs, what }: { alarms: Alarms; atMs: number; what: string },
): Promise<Result> {
  if (atMs === Number.POSITIVE_INFINITY) return work;
  return new Promise((resolve, reject) => {
    const alarm = new Alarm(atMs, () => reject(deadlineExceeded(what)));
    alarms.set(alarm);
    const settle =
      <Value>(how: (value: Value) => void) =>
      (value: Value): void => {
        alarms.clear(alarm);
        how(value);
      };
    work.then(settle(resolve), settle(reject));
  });
}
