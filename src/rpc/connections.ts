import type { Server } from "node:net";
import type { Telemetry } from "../ports/telemetry.ts";

/** Connections of one port that may be open at once; one more is closed as soon as it is made. */
export const connectionsMax = 4_000;

/** Bounds the connections of a server, and shows how many there are and how many were turned away. */
export function boundConnections(
  server: Server,
  options: { transport: "grpc" | "http"; telemetry: Telemetry; connectionsMax?: number },
): void {
  const { telemetry } = options;
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
  server.on("drop", () => telemetry.count("bandit_connections_refused_total", labels));
  show();
}
