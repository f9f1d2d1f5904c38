import { BanditError } from "../../domain/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";
import { eventLogMethods, intercept } from "./intercept.ts";

/**
 * Lets calls through to an event log while it is open. Before its schema is up to date nothing may go in: an
 * old table would take a new row without the columns that it lacks. When the process ends, nothing may be
 * waited for. In both cases calls, also those under way, reject with `unavailable`: their rows stay where they are.
 */
export interface EventLogGate extends EventLog {
  open(): void;
  /** For good. @param why for the message of the errors, e.g. `the service is stopping` */
  shut(why: string): void;
}

/** Shut at first. Its `ping` tells of the engine, whether the gate is open or not. */
export function gateEventLog(eventLog: EventLog): EventLogGate {
  const underWay = new Set<(error: BanditError) => void>();
  let state: "shut" | "open" | "shut for good" = "shut";
  let reason = "its schema is not up to date yet";
  const shutError = (): BanditError =>
    new BanditError("unavailable", `the event log cannot be used: ${reason}`, {
      reason: "EVENT_LOG_UNAVAILABLE",
      retryAfterMs: 1_000,
    });
  const shut = (why: string): void => {
    reason = why;
    state = "shut for good";
    for (const reject of underWay) reject(shutError());
  };
  const pass = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    if (state !== "open") throw shutError();
    const { promise: ended, reject } = Promise.withResolvers<never>();
    underWay.add(reject);
    try {
      return await Promise.race([call(), ended]);
    } finally {
      underWay.delete(reject);
    }
  };
  return {
    ...intercept(() => eventLog, eventLogMethods, pass),
    open() {
      if (state === "shut") state = "open";
    },
    shut,
    ping: () => eventLog.ping(),
    close() {
      shut("it is closed");
      return eventLog.close();
    },
  };
}
