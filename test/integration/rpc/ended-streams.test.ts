import { hasSubscribers, subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ServerHttp2Stream } from "node:http2";
import { afterEach, beforeEach, expect, it } from "vitest";
import { DecisionService } from "../../../src/gen/bandit/v1/decision_service_pb.ts";
import { callGrpc, type RpcServers, rpcServersOfTest } from "./rpc-servers.ts";

const { selectVariant } = DecisionService.method;
const good = { agentType: "evolution", codeType: "python_class" };
const channel = "http2.server.stream.start";

const streams: ServerHttp2Stream[] = [];
const keep = (message: unknown) => {
  streams.push((message as { readonly stream: ServerHttp2Stream }).stream);
};

let servers: RpcServers;
beforeEach(async () => {
  servers = await rpcServersOfTest();
  streams.length = 0;
  subscribe(channel, keep);
});
afterEach(() => void unsubscribe(channel, keep));

it("a call that has ended holds nothing through its stream any more", async () => {
  await callGrpc(servers.client, selectVariant, good);
  const [stream] = streams as [ServerHttp2Stream];
  await expect.poll(() => stream.closed && stream.eventNames().length).toBe(0);
});

it("one under way keeps its listeners, and is told when its caller has gone", async () => {
  servers.service.hold();
  void callGrpc(servers.client, selectVariant, good).catch(() => undefined);
  await expect.poll(() => servers.service.calls.length).toBe(1);
  const [stream] = streams as [ServerHttp2Stream];
  expect(stream.eventNames()).toContain("close");
  const { signal } = servers.service.calls[0]?.context ?? {};
  expect(signal?.aborted).toBe(false);
  servers.client.close();
  stream.session?.destroy();
  await expect.poll(() => signal?.aborted).toBe(true);
  expect(stream.eventNames()).toEqual([]);
});

it("nothing is watched any more when the server has stopped", async () => {
  unsubscribe(channel, keep);
  expect(hasSubscribers(channel)).toBe(true);
  servers.client.close();
  await servers.grpc.stop(1_000);
  expect(hasSubscribers(channel)).toBe(false);
});
