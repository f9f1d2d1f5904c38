import { withTimeout } from "../concurrency/in-time.ts";
import type { Logger } from "../ports/telemetry.ts";

/**
 * How long each part of a stop may take, milliseconds, one after the other: 9.7 s together, whatever hangs
 * (docs/operating/health.md).
 */
export const stopBudget = {
  /** Calls under way finish; then they are cut. */
  callsMs: 4_500,
  /** Of that, what calls over HTTP have left when gRPC has used up the rest. */
  lastHttpCallsMs: 500,
  /** Events are written to the event log; the others stay in the outbox. */
  flushMs: 2_000,
  /** Background work ends, snapshots are written. */
  backgroundMs: 1_000,
  /** The events that stay in the outbox are counted, for the log. */
  countMs: 300,
  /** Spool and spill are closed; each record was flushed when it was added. */
  queuesMs: 300,
  /** The engines are closed, all at once. */
  engineMs: 1_000,
  /** Handles that keep the process alive after that are abandoned. */
  exitMs: 200,
  /** Promised for all of it; the process ends then in any case, with exit code 1. */
  totalMs: 10_000,
} as const;

/**
 * Does something, and goes on without it after a time; a line in the log says so.
 * @returns whether it was done. @throws the step's own error in time
 */
export async function atMost(
  timeMs: number,
  step: () => Promise<unknown>,
  { what, logger }: { what: string; logger: Logger },
): Promise<boolean> {
  const done = step();
  const isDone = await withTimeout(
    done.then(() => true),
    timeMs,
    () => false,
  );
  if (isDone) return true;
  logger.warn("a part of the service did not end in time; the stop goes on without it", {
    what,
    timeMs,
  });
  done.catch((error: unknown) => {
    logger.warn("a part of the service that did not end in time has failed", { what, error });
  });
  return false;
}
