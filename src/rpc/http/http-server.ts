import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Message } from "@bufbuild/protobuf";
import {
  type Code,
  ConnectError,
  type ConnectRouter,
  createConnectRouter,
} from "@connectrpc/connect";
import { withTimeout } from "../../concurrency/in-time.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import { connectCallContext } from "../call-contexts.ts";
import { CallsUnderWay } from "../calls-under-way.ts";
import { boundConnections } from "../connections.ts";
import { listenFailed } from "../listening.ts";
import type { RequestGate } from "../request-gate.ts";
import type { Route } from "../routes.ts";
import { errorDetails, publicError, statusCode } from "../status.ts";
import { connectListener, readRequestKey, routerOptions } from "./connect-listener.ts";
import { streamUntilStop } from "./connect-stream.ts";
import { httpAdmission } from "./http-admission.ts";
import { type HttpPageOptions, httpPages } from "./http-pages.ts";

export interface HttpServerOptions extends HttpPageOptions {
  /** Address to listen on, e.g. `0.0.0.0` or `::1`. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly gate: RequestGate;
  /** Default 4,000. */
  readonly connectionsMax?: number;
}

/** All headers of a request together; more are refused with 431. */
export const headerBytesMax = 16 * 1024;
/** A client may take this long to send its headers … */
export const headersTimeoutMs = 10_000;
/** … and this long for the whole request; then the connection is closed with 408. */
export const requestTimeoutMs = 30_000;
/** A connection without a request for so long is closed. */
export const keepAliveTimeoutMs = 15_000;

export interface HttpServer {
  /** The port listened on. */
  readonly port: number;
  /** From now on every answer ends its connection, so that clients go elsewhere. Idempotent. */
  announceStop(): void;
  /** Stops accepting, waits up to `graceMs` for requests under way, then cuts them. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Serves every rpc of the contract as Connect, gRPC-Web and plain JSON over HTTP/1.1, next to `/`,
 * `/metrics`, `/healthz` and `/readyz`.
 * @throws BanditError failed_precondition (`LISTEN_FAILED`) when the address cannot be had.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { routes: served } = options;
  const pages = httpPages(options);
  const calls = new CallsUnderWay(options.clock);
  const router = createConnectRouter(routerOptions);
  for (const [service, serviceRoutes] of served) {
    router.service(service, implementation(serviceRoutes, { calls, clock: options.clock }));
  }
  const listener = connectListener(router, { fallback: pages, logger: options.logger });
  let isStopping = false;
  const admitted = httpAdmission([...served.values()].flat(), listener);
  const server = createServer(
    {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      if (isStopping) response.setHeader("connection", "close");
      admitted(request, response);
    },
  );
  boundConnections(server, { ...options, transport: "http" });
  await listen(server, options);
  let stopping: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    announceStop() {
      isStopping = true;
    },
    stop(graceMs) {
      isStopping = true;
      stopping ??= shutDown(server, calls, graceMs);
      return stopping;
    },
  };
}

/** While the server stops. */
const idleCheckIntervalMs = 50;

type Implementation = Parameters<ConnectRouter["service"]>[1];

interface Serving {
  readonly calls: CallsUnderWay;
  readonly clock: Clock;
}

function implementation(routes: readonly Route[], serving: Serving): Implementation {
  return Object.fromEntries(
    routes.map((route) => [route.method.localName, connectHandler(route, serving)]),
  ) as unknown as Implementation;
}

function connectHandler(route: Route, { calls, clock }: Serving) {
  if (route.kind === "unary") {
    return async (request: Message, context: Parameters<typeof connectCallContext>[0]) => {
      try {
        const message = context.values.get(readRequestKey) ?? request;
        return await calls.wait(route.invoke(message, connectCallContext(context, clock)));
      } catch (thrown) {
        throw connectError(thrown);
      }
    };
  }
  return async function* (request: Message, context: Parameters<typeof connectCallContext>[0]) {
    try {
      yield* streamUntilStop(calls, context.signal, (signal) =>
        route.invoke(request, { ...connectCallContext(context, clock), signal }),
      );
    } catch (thrown) {
      throw connectError(thrown);
    }
  };
}

function connectError(thrown: unknown): ConnectError {
  const error = publicError(thrown);
  // Connect numbers its codes as gRPC does.
  const code = statusCode(error.code) as number as Code;
  return new ConnectError(error.message, code, undefined, errorDetails(error));
}

async function listen(
  server: Server,
  { host, port }: { host: string; port: number },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenFailed(`${host}:${port}`, error)));
    server.listen({ host, port }, resolve);
  });
}

async function shutDown(server: Server, calls: CallsUnderWay, graceMs: number): Promise<void> {
  calls.endStreams();
  const callOff = calls.cutBefore(graceMs);
  // A connection whose request began before the stop is kept alive by its client after the answer.
  const idle = setInterval(() => server.closeIdleConnections(), idleCheckIntervalMs);
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  await withTimeout(closed, graceMs, () => {
    server.closeAllConnections();
    return closed;
  });
  clearInterval(idle);
  callOff();
}
