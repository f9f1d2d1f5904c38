import type { Server, Socket } from "node:net";
import { BanditError } from "../domain/errors.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { RequestGate } from "./request-gate.ts";

/** Connections of one port that may be open at once. */
export const connectionsMax = 4_000;

/**
 * Bounds the connections of a server, and shows how many there are and how many were closed for that. A new one is always
 * taken, since it may be the kill switch's: at the bound, one that has been silent for long is closed for it.
 * @returns what cuts all of them
 */
export function boundConnections(
  server: Server,
  options: {
    transport: "grpc" | "http";
    telemetry: Telemetry;
    gate: Pick<RequestGate, "refusals">;
    connectionsMax?: number;
  },
): () => void {
  const { telemetry, gate } = options;
  const labels = { transport: options.transport };
  /** With the bytes that had come when it was looked at; the one looked at longest ago is first. */
  const open = new Map<Socket, number>();
  const full = new BanditError(
    "unavailable",
    "the bound on open connections is reached: silent ones were closed for new ones",
    { reason: "CONNECTIONS_FULL" },
  );
  const show = () => telemetry.gauge("bandit_connections", open.size, labels);
  /** The first that has said nothing since it was looked at; those passed over go to the end. */
  const closeSilent = () => {
    for (const [socket, bytesSeen] of open) {
      open.delete(socket);
      if (socket.bytesRead === bytesSeen) {
        socket.destroy();
        break;
      }
      open.set(socket, socket.bytesRead);
    }
    telemetry.count("bandit_connections_displaced_total", labels);
    gate.refusals.add(full, `connections to ${options.transport}`);
  };
  server.on("connection", (socket) => {
    if (open.size >= (options.connectionsMax ?? connectionsMax)) closeSilent();
    open.set(socket, 0);
    show();
    socket.once("close", () => {
      open.delete(socket);
      show();
    });
  });
  show();
  return () => {
    for (const socket of open.keys()) socket.destroy();
  };
}
