import type { EventLogGate } from "../adapters/wrappers/event-log-gate.ts";
import type { Clock } from "../ports/clock.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { GrpcServer } from "../rpc/grpc/grpc-server.ts";
import type { HttpServer } from "../rpc/http/http-server.ts";
import type { EventDrain } from "../service/events/event-drain.ts";
import { atMost, stopBudget } from "./stop-budget.ts";

/** Added to the time a server has, for its work after it has cut its calls. */
const serverGraceMs = 200;

/**
 * Lets the calls under way finish, then cuts them. HTTP goes on answering while gRPC ends, so that probes see that
 * the service is stopping; its own calls had the same time.
 */
export async function stopServers(options: {
  grpc: Pick<GrpcServer, "stop">;
  http: Pick<HttpServer, "stop">;
  clock: Clock;
  logger: Logger;
}): Promise<void> {
  const { grpc, http, clock, logger } = options;
  const endMs = clock.monotonicMs() + stopBudget.callsMs;
  const grpcMs = stopBudget.callsMs - stopBudget.lastHttpCallsMs;
  await atMost(grpcMs + serverGraceMs, () => grpc.stop(grpcMs), { what: "gRPC server", logger });
  const httpMs = Math.max(endMs - clock.monotonicMs(), stopBudget.lastHttpCallsMs);
  await atMost(httpMs + serverGraceMs, () => http.stop(httpMs), { what: "HTTP server", logger });
}

/**
 * Writes the events that wait to the event log, as many as can be in time. An insert under way is cut off then, which is
 * safe: its events are in the outbox until an insert was confirmed, and a repeated insert counts once. Never rejects.
 */
export async function writeWhatWaits(options: {
  engines: { readonly state: StateStore; readonly eventLog: Pick<EventLogGate, "shut"> };
  drain: Pick<EventDrain, "flush">;
  logger: Logger;
}): Promise<void> {
  const { engines, drain, logger } = options;
  try {
    await atMost(stopBudget.flushMs, () => drain.flush(), { what: "writing events", logger });
  } catch (error) {
    logger.warn("events could not be written before the end", { error });
  }
  engines.eventLog.shut("the service is stopping");
  try {
    let entries: number | undefined;
    const count = async (): Promise<void> => {
      ({ entries } = await engines.state.outboxState());
    };
    await atMost(stopBudget.countMs, count, { what: "counting events", logger });
    if (entries !== 0) {
      logger.warn("events stay in the outbox; they are written after the next start", {
        entries: entries ?? "unknown",
      });
    }
  } catch (error) {
    logger.warn("the number of events that stay in the outbox is not known", { error });
  }
}
