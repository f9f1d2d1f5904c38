import { subscribe, unsubscribe } from "node:diagnostics_channel";

/** Node tells of every stream of every HTTP/2 server of the process here, before the server itself hears of it. */
const channel = "http2.server.stream.start";
/** A timer takes no more, 24.8 days; a longer one rings at once. */
const timerMsMax = 2 ** 31 - 1;
const unitsMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/**
 * Shortens a timeout that the libraries' timers cannot hold to 24.8 days, the longest that they can: grpc-js and Connect
 * take such a one for one that has passed already.
 * @param headers of a request, in lower case; changed in place
 */
export function shortenTimeouts(headers: Record<string, unknown>): void {
  const grpc = headers["grpc-timeout"];
  if (typeof grpc === "string") {
    const ms = Number(grpc.slice(0, -1)) * (unitsMs[grpc.slice(-1)] ?? 0);
    if (ms > timerMsMax) headers["grpc-timeout"] = `${Math.floor(timerMsMax / 1_000)}S`;
  }
  const connect = headers["connect-timeout-ms"];
  if (typeof connect === "string" && Number(connect) > timerMsMax) {
    headers["connect-timeout-ms"] = String(timerMsMax);
  }
}

/** Does so with every call that grpc-js receives: it reads the header before an interceptor can. @returns what ends it */
export function shortenTimeoutsOfStreams(): () => void {
  subscribe(channel, shortenOfStream);
  return () => unsubscribe(channel, shortenOfStream);
}

function shortenOfStream(message: unknown): void {
  shortenTimeouts((message as { readonly headers: Record<string, unknown> }).headers);
}
