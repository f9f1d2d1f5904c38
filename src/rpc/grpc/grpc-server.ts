import { type AddressInfo, createServer, type Server as TcpServer } from "node:net";
import type { Message } from "@bufbuild/protobuf";
import {
  type ConnectionInjector,
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  setLogVerbosity,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { invariant } from "../../domain/errors.ts";
import { CatalogService } from "../../gen/bandit/v1/catalog_service_pb.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { GrpcCallContext } from "../call-contexts.ts";
import { CallsUnderWay } from "../calls-under-way.ts";
import { boundConnections } from "../connections.ts";
import { listenFailed, messageBytesMaxDefault } from "../listening.ts";
import { shortenTimeoutsOfStreams } from "../long-timeouts.ts";
import type { RequestGate } from "../request-gate.ts";
import type { Route, Routes } from "../routes.ts";
import { forgetEndedStreams } from "./ended-streams.ts";
import { grpcAdmission } from "./grpc-admission.ts";
import { grpcError } from "./grpc-error.ts";
import { addReflection } from "./grpc-reflection.ts";
import { grpcServiceDefinition } from "./grpc-service-definition.ts";
import { GrpcStream } from "./grpc-stream.ts";

/** Calls under way on one connection; a client keeps further ones back until some have ended. */
export const callsPerConnectionMax = 1000;
/** A connection without a call for so long is closed; clients make a new one when they need it. */
export const connectionIdleMsMax = 30 * 60_000;
/** A silent peer is asked whether it is still there … */
export const keepaliveTimeMs = 60_000;
/** … and has this long to answer, before its connection is given up. */
export const keepaliveTimeoutMs = 20_000;

export interface GrpcServerOptions {
  readonly routes: Routes;
  /** Address to listen on, e.g. `0.0.0.0` or `::1`. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly gate: RequestGate;
  /** Default 4 MiB. */
  readonly messageBytesMax?: number;
  /** Default 4,000. */
  readonly connectionsMax?: number;
}

export interface GrpcServer {
  /** The port listened on. */
  readonly port: number;
  /** What `grpc.health.v1` says about the server and each of its services; true from the start. */
  setServing(serving: boolean): void;
  /** Stops accepting, waits up to `graceMs` for calls under way, then cuts them. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Serves every rpc of the contract, health and reflection with grpc-js.
 * @throws BanditError failed_precondition (`LISTEN_FAILED`) when the address cannot be had.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  // Its own lines on standard error would stand beside our structured log and say the same things again.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server({
    interceptors: [grpcAdmission([...options.routes.values()].flat())],
    "grpc.max_receive_message_length": options.messageBytesMax ?? messageBytesMaxDefault,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": callsPerConnectionMax,
    // Bookkeeping per call that nobody reads here: bandit_requests_total has the figures.
    "grpc.enable_channelz": 0,
    "grpc.max_connection_idle_ms": connectionIdleMsMax,
    "grpc.keepalive_time_ms": keepaliveTimeMs,
    "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
  });
  const calls = new CallsUnderWay(options.clock);
  for (const [service, routes] of options.routes) {
    server.addService(grpcServiceDefinition(service), implementation(routes, calls));
  }
  const health = new HealthImplementation();
  const setServing = (serving: boolean): void => {
    const status = serving ? "SERVING" : "NOT_SERVING";
    health.setStatus("", status);
    for (const { typeName } of options.routes.keys()) health.setStatus(typeName, status);
  };
  health.addToServer(server);
  addReflection(server, [...options.routes.keys()]);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const { listener, cut } = await listen(injector, options).catch((error: unknown) => {
    injector.destroy();
    server.forceShutdown();
    throw error;
  });
  const stopForgetting = forgetEndedStreams();
  const stopShortening = shortenTimeoutsOfStreams();
  setServing(true);
  let stopping: Promise<void> | undefined;
  return {
    port: (listener.address() as AddressInfo).port,
    setServing,
    stop(graceMs) {
      setServing(false);
      stopping ??= shutDown({ server, listener, cut, calls, graceMs }).finally(() => {
        stopForgetting();
        stopShortening();
      });
      return stopping;
    },
  };
}

function implementation(
  routes: readonly Route[],
  calls: CallsUnderWay,
): UntypedServiceImplementation {
  return Object.fromEntries(
    routes.map((route) => [route.method.localName, handleCall(route, calls)]),
  );
}

function handleCall(route: Route, calls: CallsUnderWay): UntypedHandleCall {
  // The audit log names who changed the catalogue, also when the caller has gone by then.
  const audited = route.method.parent === CatalogService;
  if (route.kind === "unary") {
    return (call: ServerUnaryCall<Message, Message>, callback: sendUnaryData<Message>) => {
      const context = new GrpcCallContext(call, { rememberActor: audited });
      calls.wait(route.invoke(call.request, context)).then(
        (response) => callback(null, response),
        (error: unknown) => callback(grpcError(error)),
      );
    };
  }
  return (call: ServerWritableStream<Message, Message>) => {
    const stream = new GrpcStream(call);
    const context = new GrpcCallContext(call, { rememberActor: audited, signal: stream.signal });
    const ended = calls.beginStream((error) => stream.fail(error));
    void stream.pipe(route.invoke(call.request, context)).finally(ended);
  };
}

/**
 * Accepts the connections and hands them over, so that their number can be bounded: grpc-js's own port
 * takes any number of them.
 */
async function listen(
  injector: ConnectionInjector,
  options: GrpcServerOptions,
): Promise<{ listener: TcpServer; cut: () => void }> {
  const { host, port } = options;
  const listener = createServer();
  listener.on("connection", (socket) => injector.injectConnection(socket));
  const cut = boundConnections(listener, { ...options, transport: "grpc" });
  await new Promise<void>((resolve, reject) => {
    listener.once("error", (error) => reject(listenFailed(listenAddress(host, port), error)));
    listener.listen({ host, port }, resolve);
  });
  return { listener, cut };
}

function listenAddress(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * At the end of the grace the connections are cut, not their sessions by `forceShutdown` or `drain`: with channelz off the
 * former does not know them (grpc-js 1.14), and both wait for ever for a peer that does not end its side.
 */
async function shutDown(options: {
  server: Server;
  listener: TcpServer;
  cut: () => void;
  calls: CallsUnderWay;
  graceMs: number;
}): Promise<void> {
  const { server, listener, cut, calls, graceMs } = options;
  invariant(graceMs >= 0, "a grace period is not negative");
  const closed = new Promise<void>((resolve) => {
    listener.close(() => resolve());
  });
  calls.endStreams();
  const callOff = calls.cutBefore(graceMs);
  const cutting = setTimeout(cut, graceMs);
  await new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
  });
  // The server does not count connections that were handed to it; the port does.
  await closed;
  clearTimeout(cutting);
  callOff();
}
