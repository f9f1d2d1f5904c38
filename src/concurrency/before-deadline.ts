import { BanditError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";

/** Time kept back to build and send the answer. */
export const answerReserveMs = 5;

/**
 * `work`, or a `deadline_exceeded` error shortly before the caller's deadline, whichever is first. The
 * work itself goes on: a write that was sent may still happen.
 */
export async function beforeDeadline<Result>(
  work: Promise<Result>,
  options: { clock: Clock; deadlineMs: number | undefined; what: string },
): Promise<Result> {
  if (options.deadlineMs === undefined) return work;
  const remainingMs = options.deadlineMs - options.clock.nowMs() - answerReserveMs;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        reject(
          new BanditError("deadline_exceeded", `${options.what} did not finish in time`, {
            reason: "DEADLINE_EXCEEDED",
          }),
        );
      },
      Math.max(remainingMs, 0),
    );
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
