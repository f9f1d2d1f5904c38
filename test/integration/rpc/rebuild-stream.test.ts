import { toJson } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type BanditClient, createBanditClient } from "../../../src/client/index.ts";
import { BanditError } from "../../../src/domain/errors.ts";
import type { AgentType, CodeType, VariantId } from "../../../src/domain/ids.ts";
import {
  RebuildResponseSchema,
  RepairService,
} from "../../../src/gen/bandit/v1/repair_service_pb.ts";
import type { RebuildStep } from "../../../src/service/api/repair.ts";
import { until } from "../../support/until.ts";
import { type RpcServers, rpcServersOfTest, useRpcServers } from "./rpc-servers.ts";

const arm = {
  agentType: "evolution" as AgentType,
  codeType: "go" as CodeType,
  variantId: "evolution/a@1" as VariantId,
};
const steps: readonly RebuildStep[] = [
  { kind: "progress", doing: "evolution go", groupsDone: 1, groupsTotal: 2, eventsRead: 2 ** 40 },
  { kind: "difference", arm, field: "reward", live: 0.1 + 0.2, recomputed: -1e-300 },
  {
    kind: "summary",
    ...{ arms: 1, armsDifferent: 2, armsReplaced: 3, armsUnsettled: 4, armsBeyondLog: 5 },
    ...{ armsWithoutEvents: 9, deadLetters: 10 },
    ...{ decisionsRestored: 6, ledgersRestored: 7, eventsRead: 8 },
  },
];

const servers = useRpcServers();
let client: BanditClient;
beforeAll(() => {
  client = createBanditClient({ address: `127.0.0.1:${servers.grpc.port}`, deadlineMs: 20_000 });
});
beforeEach(() => void Object.assign(servers.service, { rebuildSteps: steps, rebuildHangs: false }));
afterAll(() => client.close());

/** A rebuild is told that its caller has gone. */
const untilEnded = ({ service }: RpcServers = servers) =>
  until("the service has heard of it", 5_000, () =>
    service.calls.some(({ method }) => method === "rebuild ended"),
  );

async function drain(stream: AsyncIterable<unknown>, stopAfter = Number.POSITIVE_INFINITY) {
  let seen = 0;
  for await (const _ of stream) {
    seen += 1;
    if (seen >= stopAfter) break;
  }
  return seen;
}

it("a rebuild's steps arrive in their order, numbers and all", async () => {
  const messages: unknown[] = [];
  for await (const message of client.rebuild({ check: true, agentType: "evolution" })) {
    messages.push(toJson(RebuildResponseSchema, message, { useProtoFieldName: true }));
  }
  expect(messages).toEqual([
    {
      progress: {
        ...{ doing: "evolution go", groups_done: 1, groups_total: 2 },
        events_read: String(2 ** 40),
      },
    },
    {
      difference: {
        ...{ agent_type: "evolution", code_type: "go", variant_id: "evolution/a@1" },
        ...{ field: "reward", live: 0.1 + 0.2, recomputed: -1e-300 },
      },
    },
    {
      summary: {
        ...{ arms: 1, arms_different: 2, arms_replaced: 3, arms_unsettled: 4, arms_beyond_log: 5 },
        ...{ arms_without_events: 9, dead_letters: 10 },
        ...{ decisions_restored: "6", ledgers_restored: "7", events_read: "8" },
      },
    },
  ]);
  expect(servers.service.calls).toMatchObject([
    { method: "rebuild", input: { check: true, agentType: "evolution" } },
  ]);
});

it("a caller that leaves early cancels it", async () => {
  servers.service.rebuildHangs = true;
  expect(await drain(client.rebuild({}), 2)).toBe(2);
  await untilEnded();
});

it("an aborted signal and a deadline cancel it, and the caller is told", async () => {
  servers.service.rebuildHangs = true;
  const going = new AbortController();
  const cancelled = drain(client.rebuild({}, { signal: going.signal }));
  await until("it has begun", 5_000, () => servers.service.calls.length > 0);
  going.abort();
  await expect(cancelled).rejects.toMatchObject({ name: "ClientError", code: "cancelled" });
  await untilEnded();
  const again = drain(client.rebuild({}, { signal: going.signal }));
  await expect(again).rejects.toMatchObject({ code: "cancelled" });
  servers.service.calls.length = 0;
  const late = drain(client.rebuild({}, { deadlineMs: 50 }));
  await expect(late).rejects.toMatchObject({ code: "deadline_exceeded" });
  await untilEnded();
});

it("a refusal carries its reason; a broken rule is said before anything is done", async () => {
  servers.service.failure = new BanditError("failed_precondition", "one is running", {
    reason: "REBUILD_RUNNING",
  });
  await expect(drain(client.rebuild({}))).rejects.toMatchObject({
    code: "failed_precondition",
    reason: "REBUILD_RUNNING",
    message: "one is running",
  });
  servers.service.calls.length = 0;
  for (const agentType of ["A!", "x".repeat(65)]) {
    await expect(drain(client.rebuild({ agentType }))).rejects.toMatchObject({
      code: "invalid_argument",
      violations: [{ field: "agent_type" }],
    });
  }
  expect(servers.service.calls).toEqual([]);
});

it.each(["gRPC", "Connect over HTTP"] as const)(
  "a stop ends a rebuild over %s at once, tells its caller why and aborts it",
  async (transport) => {
    const own = await rpcServersOfTest();
    own.service.rebuildHangs = true;
    const { running, close } = callOver(transport, own);
    await until("it has begun", 5_000, () => own.service.calls.length > 0);
    // Without a timer that cuts it: the grace is longer than the test may take.
    const stopped = (transport === "gRPC" ? own.grpc : own.http).stop(600_000);
    expect(await running).toMatchObject({
      code: transport === "gRPC" ? "unavailable" : Code.Unavailable,
      message: expect.stringContaining("the service is stopping") as string,
    });
    await untilEnded(own);
    close();
    own.client.close();
    await stopped;
  },
);

/** A rebuild that is being read; resolves to its error. */
function callOver(transport: "gRPC" | "Connect over HTTP", own: RpcServers) {
  const failure = (error: unknown) => error;
  if (transport === "gRPC") {
    const address = `127.0.0.1:${own.grpc.port}`;
    const caller = createBanditClient({ address, deadlineMs: 60_000 });
    return { running: drain(caller.rebuild({})).catch(failure), close: () => caller.close() };
  }
  const connect = createConnectTransport({ baseUrl: own.baseUrl, httpVersion: "1.1" });
  const caller = createClient(RepairService, connect);
  return { running: drain(caller.rebuild({})).catch(failure), close: () => undefined };
}
