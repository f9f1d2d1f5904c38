import { answerByMs, answerReserveMs } from "../../concurrency/deadline.ts";
import type { DeadlineTimers } from "../../concurrency/deadline-timers.ts";
import { beforeMoment } from "../../concurrency/in-time.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EventQueries, QueryResult } from "../../ports/event-log.ts";
import type { CallContext } from "../api/call-context.ts";
import type { QueryRequest } from "../api/insight.ts";
import type { EventDrain } from "../events/event-drain.ts";

export interface QueryEventsDependencies {
  readonly eventLog: EventQueries;
  readonly drain: Pick<EventDrain, "flush">;
  readonly clock: Clock;
  readonly timers: DeadlineTimers;
}

/**
 * Runs an analyst's read-only SQL on the event log. The statement has its own time-out or the rest of the caller's
 * deadline, whichever is less, and ends when the caller has gone.
 * @throws BanditError invalid_argument for what is not one read-only statement, deadline_exceeded, unavailable.
 */
export async function queryEvents(
  { eventLog, drain, clock, timers }: QueryEventsDependencies,
  { sql, rowsMax, timeoutMs, fresh }: QueryRequest,
  context: CallContext,
): Promise<QueryResult> {
  const atMs = answerByMs(context, { clock, reserveMs: answerReserveMs });
  if (fresh) {
    const what = "writing the events that are under way";
    await beforeMoment(drain.flush(), { timers, atMs, what });
  }
  const leftMs = Math.max(1, Math.floor(atMs - clock.monotonicMs()));
  return eventLog.query({
    ...{ sql, rowsMax, signal: context.signal },
    timeoutMs: Math.min(timeoutMs, leftMs),
  });
}
