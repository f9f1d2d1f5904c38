import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type JsonObject,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code as ConnectCode, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { type CallOptions, Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished } from "vitest";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../../src/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.ts";
import type { Logger, Telemetry } from "../../../src/ports/telemetry.ts";
import { type GrpcServer, startGrpcServer } from "../../../src/rpc/grpc/grpc-server.ts";
import { grpcServiceDefinition } from "../../../src/rpc/grpc/grpc-service-definition.ts";
import { type HttpServer, startHttpServer } from "../../../src/rpc/http/http-server.ts";
import { RequestGate } from "../../../src/rpc/request-gate.ts";
import { buildRoutes } from "../../../src/rpc/routes.ts";
import { statusName } from "../../../src/rpc/status.ts";
import { Admission } from "../../../src/service/admission/admission.ts";
import { RateLimiter } from "../../../src/service/admission/rate-limiter.ts";
import { systemClock as clock } from "../../support/state-samples.ts";
import { type FakeBanditService, fakeBanditService, sampleVariant } from "./fake-bandit-service.ts";

/** What a client can know about a failed call, whatever the transport. */
export interface SeenError {
  readonly status: string;
  readonly message: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** Paths of the fields that break a rule, each once, sorted. */
  readonly fields: readonly string[];
  readonly descriptions: readonly string[];
  readonly retryDelayMs: number | undefined;
}

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

export interface RpcServers {
  readonly service: FakeBanditService;
  readonly grpc: GrpcServer;
  readonly http: HttpServer;
  readonly admission: Admission;
  readonly gate: RequestGate;
  readonly client: Client;
  readonly baseUrl: string;
  readonly log: LogLine[];
  /** `name{label=value,…}` → sum. */
  readonly counts: Map<string, number>;
  readonly timings: string[];
  stop(): Promise<void>;
}

/** A gate of its own, with as much room as the service has by default. */
export function openGate(
  { telemetry, logger }: { telemetry: Telemetry; logger: Logger },
  options: { requestsMax?: number; rateLimit?: { ratePerSecond: number; burst: number } } = {},
): { gate: RequestGate; admission: Admission } {
  const entropy = { fill: (target: Uint8Array) => void crypto.getRandomValues(target) };
  const { requestsMax = 1_000, rateLimit } = options;
  const admission = new Admission({ requestsMax, entropy, telemetry });
  const gate = new RequestGate({
    admission,
    clock,
    telemetry,
    logger,
    ...(rateLimit === undefined ? {} : { limiter: new RateLimiter({ ...rateLimit, clock }) }),
  });
  return { gate, admission };
}

interface Overrides {
  readonly ready?: boolean;
  readonly connectionsMax?: number;
  readonly requestsMax?: number;
  readonly rateLimit?: { ratePerSecond: number; burst: number };
}

/** Both servers on free ports over one fake service and one gate. */
async function startRpcServers(overrides: Overrides = {}): Promise<RpcServers> {
  const service = fakeBanditService();
  const log: LogLine[] = [];
  const counts = new Map<string, number>();
  const timings: string[] = [];
  const telemetry: Telemetry = {
    count(name, labels = {}, amount = 1) {
      const key = `${name}{${Object.entries(labels)
        .map(([label, value]) => `${label}=${value}`)
        .join(",")}}`;
      counts.set(key, (counts.get(key) ?? 0) + amount);
    },
    observeMs: (name, durationMs, labels = {}) => {
      timings.push(`${name}{rpc=${labels["rpc"]}} ${durationMs >= 0}`);
    },
    gauge: () => undefined,
  };
  const line =
    (level: string): Logger["info"] =>
    (message, fields) => {
      log.push({ level, message, fields });
    };
  const logger: Logger = {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
  };
  const { connectionsMax } = overrides;
  const { gate, admission } = openGate({ telemetry, logger }, overrides);
  const common = {
    routes: buildRoutes({ service, telemetry, logger, clock, gate }),
    host: "127.0.0.1",
    port: 0,
    telemetry,
    logger,
    clock,
    gate,
    ...(connectionsMax === undefined ? {} : { connectionsMax }),
  };
  const grpc = await startGrpcServer(common);
  const http = await startHttpServer({
    ...common,
    version: service.insight.info().version,
    readiness: async () => ({
      ready: overrides.ready ?? true,
      degraded: false,
      checks: { state: "ok" },
    }),
    metrics: async () => ({ contentType: "text/plain; version=0.0.4", body: "a_metric 1\n" }),
  });
  const client = new Client(`127.0.0.1:${grpc.port}`, credentials.createInsecure(), {
    "grpc.max_send_message_length": -1,
  });
  return {
    service,
    grpc,
    http,
    admission,
    gate,
    client,
    baseUrl: `http://127.0.0.1:${http.port}`,
    log,
    counts,
    timings,
    async stop() {
      client.close();
      await Promise.all([grpc.stop(100), http.stop(100)]);
    },
  };
}

/** Both servers for one test. */
export async function rpcServersOfTest(overrides: Overrides = {}): Promise<RpcServers> {
  const servers = await startRpcServers(overrides);
  onTestFinished(() => servers.stop());
  return servers;
}

/** Both servers for all tests of a file; each begins with a service that does as it is told and nothing seen or logged. */
export function useRpcServers(): RpcServers {
  const servers = {} as RpcServers;
  beforeAll(async () => void Object.assign(servers, await startRpcServers()));
  beforeEach(() => {
    const { service, counts, log } = servers;
    service.calls.length = 0;
    log.length = 0;
    counts.clear();
    Object.assign(service, { failure: undefined, gate: undefined, variant: sampleVariant });
  });
  afterAll(() => servers.stop());
  return servers;
}

/** One unary call with grpc-js. Rejects with grpc-js's own ServiceError. */
export async function callGrpc(
  client: Client,
  method: DescMethod,
  request: object,
  { caller, ...options }: CallOptions & { readonly caller?: string } = {},
): Promise<Record<string, unknown>> {
  const definition = grpcServiceDefinition(method.parent)[method.localName];
  if (definition === undefined) throw new Error(`no ${method.name}`);
  const metadata = new Metadata();
  if (caller !== undefined) metadata.set("x-bandit-caller", caller);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      definition.path,
      definition.requestSerialize,
      definition.responseDeserialize,
      create(method.input, request as MessageInitShape<DescMessage>),
      metadata,
      options,
      (error, response) => {
        if (error === null) resolve(response);
        else reject(error);
      },
    );
  });
}

/** One unary call with these bytes, whatever they are. @param path such as `/bandit.v1.DecisionService/SelectVariant` */
export function callRaw(client: Client, path: string, request: Buffer): Promise<Buffer> {
  const asTheyAre = (bytes: Buffer) => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asTheyAre, asTheyAre, request, (error, response) =>
      error === null ? resolve(response as Buffer) : reject(error),
    );
  });
}

/** One unary call with the Connect client, in binary. Rejects with ConnectError. */
export async function callConnect(
  baseUrl: string,
  method: DescMethod,
  request: object,
): Promise<Record<string, unknown>> {
  const transport = createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true });
  const client = createClient(method.parent, transport) as unknown as Record<
    string,
    (request: unknown) => Promise<Record<string, unknown>>
  >;
  const call = client[method.localName];
  if (call === undefined) throw new Error(`no ${method.name}`);
  return call(create(method.input, request as MessageInitShape<DescMessage>));
}

/** One request over HTTP: of JSON, unless a header says otherwise. */
export function post(
  baseUrl: string,
  method: DescMethod,
  request: JsonObject | string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const isText = typeof request === "string" || request instanceof Uint8Array;
  return fetch(`${baseUrl}/${method.parent.typeName}/${method.name}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: isText ? request : JSON.stringify(request),
    signal: AbortSignal.timeout(10_000),
  });
}

/** What curl would get. */
export async function callJson(
  ...request: Parameters<typeof post>
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await post(...request);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

export type Transport = "grpc" | "connect";

/** Calls and returns the error; fails the test when the call succeeds. */
export async function seenError(
  servers: RpcServers,
  transport: Transport,
  method: DescMethod,
  request: object,
): Promise<SeenError> {
  try {
    if (transport === "grpc") await callGrpc(servers.client, method, request);
    else await callConnect(servers.baseUrl, method, request);
  } catch (error) {
    return transport === "grpc" ? grpcError(error as ServiceError) : connectError(error);
  }
  return expect.fail(`${method.name} over ${transport} succeeded`);
}

export function grpcError(error: ServiceError): SeenError {
  const [trailer] = error.metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(trailer))
    return seen(statusName(error.code), error.details, () => undefined);
  const status = fromBinary(StatusSchema, trailer);
  expect(status.code).toBe(error.code);
  expect(status.message).toBe(error.details);
  return seen(statusName(error.code), error.details, (schema) => {
    for (const detail of status.details) {
      const unpacked = anyUnpack(detail, schema);
      if (unpacked !== undefined) return unpacked;
    }
    return undefined;
  });
}

function connectError(thrown: unknown): SeenError {
  if (!(thrown instanceof ConnectError)) throw thrown;
  const name = ConnectCode[thrown.code] ?? "";
  const status = name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  return seen(status, thrown.rawMessage, (schema) => thrown.findDetails(schema)[0]);
}

function seen(
  status: string,
  message: string,
  find: <Desc extends DescMessage>(schema: Desc) => MessageShape<Desc> | undefined,
): SeenError {
  const info = find(ErrorInfoSchema);
  const violations = find(BadRequestSchema)?.fieldViolations ?? [];
  const delay = find(RetryInfoSchema)?.retryDelay;
  return {
    status,
    message,
    reason: info?.reason,
    domain: info?.domain,
    metadata: info?.metadata ?? {},
    fields: [...new Set(violations.map(({ field }) => field))].sort(),
    descriptions: violations.map(({ description }) => description),
    retryDelayMs:
      delay === undefined ? undefined : Number(delay.seconds) * 1000 + delay.nanos / 1e6,
  };
}
