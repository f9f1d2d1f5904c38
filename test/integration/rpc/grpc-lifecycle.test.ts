import { once } from "node:events";
import { createConnection } from "node:net";
import {
  credentials,
  makeGenericClientConstructor,
  type ServiceDefinition,
  status,
} from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { DecisionService } from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { startGrpcServer } from "../../../src/rpc/grpc/grpc-server.ts";
import { silentLogger } from "../../support/state-samples.ts";
import { knownGenerationId } from "./fake-bandit-service.ts";
import { callGrpc, callRaw, openGate, rpcServersOfTest, useRpcServers } from "./rpc-servers.ts";

const { selectVariant } = DecisionService.method;
const good = { agentType: "evolution", codeType: "python_class" };

const servers = useRpcServers();

describe("health", () => {
  it("follows setServing, for the server and each service", async () => {
    /** HealthCheckRequest has the name as field 1, HealthCheckResponse its status: 1 SERVING, 2 NOT_SERVING. */
    const status = async (service: string) => {
      const request = Buffer.from([0x0a, service.length, ...Buffer.from(service)]);
      const answer = await callRaw(servers.client, "/grpc.health.v1.Health/Check", request);
      return [...answer];
    };
    expect(await status("")).toEqual([8, 1]);
    expect(await status("bandit.v1.DecisionService")).toEqual([8, 1]);
    await expect(status("no.such.Service")).rejects.toMatchObject({ code: 5 });
    servers.grpc.setServing(false);
    expect(await status("bandit.v1.CatalogService")).toEqual([8, 2]);
    servers.grpc.setServing(true);
  });
});

describe.each(["v1", "v1alpha"])("reflection %s", (version) => {
  it("lists the services and describes their messages", async () => {
    const answers = await reflect(servers.grpc.port, version, [
      { listServices: "" },
      { fileContainingSymbol: "bandit.v1.DecisionService" },
      { fileByFilename: "buf/validate/validate.proto" },
    ]);
    const names = answers[0]?.listServicesResponse?.service.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        "bandit.v1.DecisionService",
        "bandit.v1.CatalogService",
        "bandit.v1.InsightService",
        "grpc.health.v1.Health",
      ]),
    );
    const text = Buffer.from(
      (answers[1]?.fileDescriptorResponse?.fileDescriptorProto ?? []).flat(),
    );
    expect(text.includes("SelectVariantRequest")).toBe(true);
    expect(text.includes("EpsilonGreedy")).toBe(true);
    expect(answers[2]?.fileDescriptorResponse?.fileDescriptorProto.length).toBeGreaterThan(0);
  });
});

describe("the server", () => {
  it("lets a call end before it stops", async () => {
    const own = await rpcServersOfTest();
    const release = own.service.hold();
    const call = callGrpc(own.client, selectVariant, good);
    await expect.poll(() => own.service.calls.length).toBe(1);
    const stopped = own.grpc.stop(5000);
    release();
    await expect(call).resolves.toMatchObject({ generationId: knownGenerationId });
    own.client.close();
    await stopped;
  });

  it("answers UNAVAILABLE to what does not end within the grace period", async () => {
    const own = await rpcServersOfTest();
    own.service.hold();
    const call = callGrpc(own.client, selectVariant, good).catch((error: unknown) => error);
    await expect.poll(() => own.service.calls.length).toBe(1);
    await own.grpc.stop(400);
    expect(await call).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(/stopping/),
    });
  });

  it("ends connections of peers that say nothing and do not end them", async () => {
    const own = await rpcServersOfTest();
    const peers = [own.grpc, own.http].map(({ port }) =>
      createConnection({ port, host: "127.0.0.1", allowHalfOpen: true }),
    );
    const connected = peers.map((peer) =>
      once(
        peer.on("error", () => undefined),
        "connect",
      ),
    );
    await Promise.all(connected);
    await callGrpc(own.client, selectVariant, good);
    await own.stop();
    for (const peer of peers) peer.destroy();
  });

  it("says which address it cannot have", async () => {
    const quiet = () => undefined;
    const telemetry = { count: quiet, observeMs: quiet, gauge: quiet };
    const logger = silentLogger;
    const { gate } = openGate({ telemetry, logger });
    const { port } = servers.grpc;
    const address = { routes: new Map(), host: "127.0.0.1", port };
    const options = { ...address, telemetry, clock: systemClock, gate, logger };
    await expect(startGrpcServer(options)).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "LISTEN_FAILED",
    });
  });
});

interface ReflectionAnswer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: number[][] };
}

interface ReflectionStream {
  on(event: "data", listener: (answer: ReflectionAnswer) => void): void;
  on(event: "end", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  write(request: object): void;
  end(): void;
}

/** Asks over the wire, as grpcurl does. */
async function reflect(
  port: number,
  version: string,
  requests: readonly object[],
): Promise<ReflectionAnswer[]> {
  const Reflection = makeGenericClientConstructor(
    reflectionDefinition(version),
    "ServerReflection",
  );
  const client = new Reflection(`127.0.0.1:${port}`, credentials.createInsecure());
  const stream = client["ServerReflectionInfo"]?.call(client) as ReflectionStream;
  const answers: ReflectionAnswer[] = [];
  await new Promise<void>((resolve, reject) => {
    stream.on("data", (answer) => answers.push(answer));
    stream.on("end", resolve);
    stream.on("error", reject);
    for (const request of requests) stream.write(request);
    stream.end();
  });
  client.close();
  return answers;
}

/** The published definition of one version, as the library would add it to a server. */
function reflectionDefinition(version: string): ServiceDefinition {
  const added: ServiceDefinition[] = [];
  new ReflectionService({}).addToServer({
    addService: (definition) => added.push(definition),
  });
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const found = added.find((definition) => definition["ServerReflectionInfo"]?.path === path);
  if (found === undefined) throw new Error(`no reflection ${version}`);
  return found;
}
