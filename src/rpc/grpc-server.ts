import { type Message, toBinary } from "@bufbuild/protobuf";
import {
  logVerbosity,
  Metadata,
  Server,
  ServerCredentials,
  type ServerErrorResponse,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  setLogVerbosity,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { invariant } from "../domain/errors.ts";
import { CatalogService } from "../gen/bandit/v1/catalog_service_pb.ts";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";
import type { BanditService } from "../service/bandit-service.ts";
import type { Clock, Logger, Telemetry } from "../service/transport-ports.ts";
import { GrpcCallContext } from "./call-contexts.ts";
import { addReflection } from "./grpc-reflection.ts";
import { grpcServiceDefinition } from "./grpc-service-definition.ts";
import { listenFailed, messageBytesMaxDefault } from "./listening.ts";
import { buildRoutes, type Route, services } from "./routes.ts";
import { publicError, rpcStatus, statusCode } from "./status.ts";

/** Calls under way on one connection; a client keeps further ones back until some have ended. */
const callsPerConnectionMax = 1000;

export interface GrpcServerOptions {
  readonly service: BanditService;
  /** Address to listen on, e.g. `0.0.0.0` or `::1`. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Default 4 MiB. */
  readonly messageBytesMax?: number;
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
    "grpc.max_receive_message_length": options.messageBytesMax ?? messageBytesMaxDefault,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": callsPerConnectionMax,
    // Bookkeeping per call that nobody reads here: bandit_requests_total has the figures.
    "grpc.enable_channelz": 0,
  });
  for (const [service, routes] of buildRoutes(options)) {
    server.addService(grpcServiceDefinition(service), implementation(routes));
  }
  const health = new HealthImplementation();
  const setServing = (serving: boolean): void => {
    const status = serving ? "SERVING" : "NOT_SERVING";
    health.setStatus("", status);
    for (const { typeName } of services) health.setStatus(typeName, status);
  };
  health.addToServer(server);
  addReflection(server, services);
  const port = await listen(server, options);
  setServing(true);
  let stopping: Promise<void> | undefined;
  return {
    port,
    setServing,
    stop(graceMs) {
      setServing(false);
      stopping ??= shutDown(server, listenAddress(options.host, port), graceMs);
      return stopping;
    },
  };
}

function implementation(routes: readonly Route[]): UntypedServiceImplementation {
  return Object.fromEntries(routes.map((route) => [route.method.localName, handleCall(route)]));
}

function handleCall(route: Route): UntypedHandleCall {
  // The audit log names who changed the catalogue, also when the caller has gone by then.
  const audited = route.method.parent === CatalogService;
  if (route.kind === "unary") {
    return (call: ServerUnaryCall<Message, Message>, callback: sendUnaryData<Message>) => {
      const context = new GrpcCallContext(call, { rememberActor: audited });
      route.invoke(call.request, context).then(
        (response) => callback(null, response),
        (error: unknown) => callback(grpcError(error)),
      );
    };
  }
  return (call: ServerWritableStream<Message, Message>) => {
    const context = new GrpcCallContext(call, { rememberActor: audited });
    pipe(route.invoke(call.request, context), call).catch((error: unknown) =>
      call.emit("error", grpcError(error)),
    );
  };
}

/** Writes as fast as the client reads: what is not read is not asked for. */
async function pipe(
  messages: AsyncIterable<Message>,
  call: ServerWritableStream<Message, Message>,
): Promise<void> {
  for await (const message of messages) {
    if (call.cancelled) return;
    if (!call.write(message)) {
      await new Promise<void>((resolve) => {
        call.once("drain", resolve);
        call.once("cancelled", resolve);
      });
    }
  }
  call.end();
}

function grpcError(thrown: unknown): Partial<ServerErrorResponse> {
  const error = publicError(thrown);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, rpcStatus(error))));
  return { code: statusCode(error.code), details: error.message, metadata };
}

async function listen(
  server: Server,
  { host, port }: { host: string; port: number },
): Promise<number> {
  const address = listenAddress(host, port);
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, boundPort) => {
      if (error === null) resolve(boundPort);
      else reject(listenFailed(address, error));
    });
  });
}

function listenAddress(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * Cut by `drain`, not by `forceShutdown`: with channelz off the latter does not know the connections
 * (grpc-js 1.14).
 */
async function shutDown(server: Server, address: string, graceMs: number): Promise<void> {
  invariant(graceMs >= 0, "a grace period is not negative");
  server.drain(address, graceMs);
  await new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
  });
}
