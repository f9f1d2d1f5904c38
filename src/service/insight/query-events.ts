import { answerReserveMs, beforeDeadline } from "../../concurrency/before-deadline.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EventLog, QueryResult } from "../../ports/event-log.ts";
import type { CallContext } from "../api/call-context.ts";
import type { QueryRequest } from "../api/insight.ts";
import type { EventDrain } from "../events/event-drain.ts";

/** Runs an analyst's read-only SQL on the event log. */
export class QueryEvents {
  readonly #eventLog: EventLog;
  readonly #drain: EventDrain;
  readonly #clock: Clock;

  constructor(dependencies: { eventLog: EventLog; drain: EventDrain; clock: Clock }) {
    this.#eventLog = dependencies.eventLog;
    this.#drain = dependencies.drain;
    this.#clock = dependencies.clock;
  }

  /**
   * The statement gets its own timeout or what is left of the caller's deadline, whichever is less, and ends
   * when the caller has gone.
   * @throws BanditError invalid_argument for what is not one read-only statement, deadline_exceeded, unavailable.
   */
  async execute(request: QueryRequest, context: CallContext): Promise<QueryResult> {
    const { deadlineMs, signal } = context;
    const clock = this.#clock;
    if (request.fresh) {
      await beforeDeadline(this.#drain.flush(), {
        clock,
        deadlineMs,
        what: "writing the events that are under way",
      });
    }
    const leftMs =
      deadlineMs === undefined
        ? Number.POSITIVE_INFINITY
        : Math.max(1, Math.floor(deadlineMs - clock.nowMs() - answerReserveMs));
    return this.#eventLog.query({
      sql: request.sql,
      rowsMax: request.rowsMax,
      timeoutMs: Math.min(request.timeoutMs, leftMs),
      signal,
    });
  }
}
