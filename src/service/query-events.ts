import type { EventLog, QueryResult } from "../ports/event-log.ts";
import type { QueryRequest } from "./bandit-service.ts";
import type { EventDrain } from "./event-drain.ts";

/** Runs an analyst's read-only SQL on the event log. */
export class QueryEvents {
  readonly #eventLog: EventLog;
  readonly #drain: EventDrain;

  constructor(dependencies: { eventLog: EventLog; drain: EventDrain }) {
    this.#eventLog = dependencies.eventLog;
    this.#drain = dependencies.drain;
  }

  /** @throws BanditError invalid_argument for what is not one read-only statement, deadline_exceeded, unavailable. */
  async execute(request: QueryRequest): Promise<QueryResult> {
    if (request.fresh) await this.#drain.flush();
    return this.#eventLog.query({
      sql: request.sql,
      rowsMax: request.rowsMax,
      timeoutMs: request.timeoutMs,
    });
  }
}
