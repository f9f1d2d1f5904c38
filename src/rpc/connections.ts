import type { Server } from "node:net";
import { BanditError } from "../domain/errors.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { RequestGate } from "./request-gate.ts";

/** Connections of one port that may be open at once; one more is closed as soon as it is made. */
export const connectionsMax = 4_000;

/** Bounds the connections of a server, and shows how many there are and how many were turned away. */
export function boundConnections(
  server: Server,
  options: {
    transport: "grpc" | "http";
    telemetry: Telemetry;
    gate: Pick<RequestGate, "refusals">;
    connectionsMax?: number;
  },
): void {
  const { telemetry, gate } = options;
  const labels = { transport: options.transport };
  let open = 0;
  const show = () => telemetry.gauge("bandit_connections", open, labels);
  server.maxConnections = options.connectionsMax ?? connectionsMax;
  server.on("connection", (socket) => {
    open += 1;
    show();
    socket.once("close", () => {
      open -= 1;
      show();
    });
  });
  const full = new BanditError("unavailable", "the bound on open connections is reached", {
    reason: "CONNECTIONS_FULL",
  });
  server.on("drop", () => {
    telemetry.count("bandit_connections_refused_total", labels);
    gate.refusals.add(full, `connections to ${options.transport}`);
  });
  show();
}
