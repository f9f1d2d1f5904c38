import { answerByMs, answerReserveMs } from "../../concurrency/deadline.ts";
import type { DeadlineTimers } from "../../concurrency/deadline-timers.ts";
import { beforeMoment } from "../../concurrency/in-time.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EventLog, QueryResult } from "../../ports/event-log.ts";
import type { CallContext } from "../api/call-context.ts";
import type { QueryRequest } from "../api/insight.ts";
import type { EventDrain } from "../events/event-drain.ts";

/** Runs an analyst's read-only SQL on the event log. */
export class QueryEvents {
  readonly #deps: {
    readonly eventLog: EventLog;
    readonly drain: EventDrain;
    readonly clock: Clock;
    readonly timers: DeadlineTimers;
  };

  constructor(dependencies: {
    eventLog: EventLog;
    drain: EventDrain;
    clock: Clock;
    timers: DeadlineTimers;
  }) {
    this.#deps = dependencies;
  }

  /**
   * The statement gets its own timeout or what is left of the caller's deadline, whichever is less, and ends
   * when the caller has gone.
   * @throws BanditError invalid_argument for what is not one read-only statement, deadline_exceeded, unavailable.
   */
  async execute(request: QueryRequest, context: CallContext): Promise<QueryResult> {
    const { eventLog, drain, clock, timers } = this.#deps;
    const atMs = answerByMs(context, { clock, reserveMs: answerReserveMs });
    if (request.fresh) {
      const what = "writing the events that are under way";
      await beforeMoment(drain.flush(), { timers, atMs, what });
    }
    const leftMs = Math.max(1, Math.floor(atMs - clock.monotonicMs()));
    return eventLog.query({
      sql: request.sql,
      rowsMax: request.rowsMax,
      timeoutMs: Math.min(request.timeoutMs, leftMs),
      signal: context.signal,
    });
  }
}
