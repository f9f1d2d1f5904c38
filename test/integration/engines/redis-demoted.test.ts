import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RedisStateStore } from "../../../src/adapters/redis/redis-state-store.ts";
import { DeadlineTimers } from "../../../src/concurrency/deadline-timers.ts";
import type { CounterName } from "../../../src/ports/telemetry.ts";
import { StateBreaker } from "../../../src/service/state/state-breaker.ts";
import { FaultProxy } from "../../support/fault-proxy.ts";
import { type RunningRedis, startRedis } from "../../support/redis.ts";
import {
  decisionInput,
  silentLogger,
  silentTelemetry,
  systemClock,
} from "../../support/state-samples.ts";
import { openRedisState } from "../../support/state-stores.ts";

let first: RunningRedis;
let second: RunningRedis;
/** Where the service believes its Redis to be. */
let endpoint: FaultProxy;
let admins: Redis[];
let store: RedisStateStore;
let guard: StateBreaker;
let counts: Map<CounterName, number>;
let recoveries: number;

beforeEach(async () => {
  [first, second] = await Promise.all([startRedis(), startRedis()]);
  admins = [first, second].map(({ url }) => new Redis(url));
  endpoint = await FaultProxy.start(first.port);
  store = await openRedisState(`redis://127.0.0.1:${endpoint.port}`);
  counts = new Map();
  guard = new StateBreaker({
    state: store,
    timers: new DeadlineTimers(systemClock),
    clock: systemClock,
    telemetry: {
      ...silentTelemetry,
      count: (name) => void counts.set(name, (counts.get(name) ?? 0) + 1),
    },
    logger: silentLogger,
    timeoutMs: 500,
  });
  recoveries = 0;
  guard.onRecovered(() => {
    recoveries += 1;
  });
});
afterEach(async () => {
  guard.stop();
  for (const admin of admins) admin.disconnect();
  await store.close();
  await endpoint.stop();
  await Promise.all([first.stop(), second.stop()]);
});

const write = () => guard.call(() => store.recordDecision(decisionInput()));

/** The first server becomes a replica of the second, and has all of its data. */
async function demoteFirst(): Promise<void> {
  const [admin] = admins as [Redis, Redis];
  await admin.replicaof("127.0.0.1", second.port);
  await vi.waitFor(
    async () => expect(await admin.info("replication")).toContain("master_link_status:up"),
    { timeout: 20_000, interval: 20 },
  );
}

/** Goes on writing until so many connections were made to the first server since. @returns whether each write failed */
async function writeForReconnections(count: number): Promise<boolean[]> {
  const [admin] = admins as [Redis, Redis];
  const made = async () =>
    Number(/total_connections_received:(\d+)/.exec(await admin.info("stats"))?.[1]);
  const goal = (await made()) + count;
  const failed: boolean[] = [];
  await vi.waitFor(
    async () => {
      failed.push(
        await write().then(
          () => false,
          () => true,
        ),
      );
      expect(await made()).toBeGreaterThanOrEqual(goal);
    },
    { timeout: 30_000, interval: 5 },
  );
  return failed;
}

test("a server that takes no writes is away until it does, and is not taken to be back because it answers", async () => {
  await write();
  await demoteFirst();
  // Each probe that is refused looks for the server anew.
  const failed = await writeForReconnections(8);
  expect(failed).not.toContain(false);
  expect(guard.available).toBe(false);
  expect(counts.get("bandit_state_outages_total")).toBe(1);
  expect(recoveries).toBe(0);
  await (admins[0] as Redis).replicaof("NO", "ONE");
  await vi.waitFor(() => expect(recoveries).toBe(1), { timeout: 20_000, interval: 20 });
  await write();
  expect(counts.get("bandit_state_outages_total")).toBe(1);
});

test("the server that has taken its place is found under the same name, though no connection was lost", async () => {
  await write();
  await demoteFirst();
  endpoint.moveTo(second.port);
  const record = decisionInput();
  await vi.waitFor(() => guard.call(() => store.recordDecision(record)), {
    timeout: 20_000,
    interval: 20,
  });
  expect(await (admins[1] as Redis).dbsize()).toBeGreaterThan(0);
  expect(await store.findDecision(record.record.generationId)).toEqual(record.record);
});

test("what is asked of a server whether it is there leaves nothing behind, and one that is full says so", async () => {
  const [admin] = admins as [Redis, Redis];
  const changes = async () =>
    Number(/rdb_changes_since_last_save:(\d+)/.exec(await admin.info("persistence"))?.[1]);
  await store.ping();
  const before = await changes();
  await store.ping();
  expect(await changes()).toBe(before);
  await write();
  expect(await changes()).toBeGreaterThan(before);
  await admin.config("SET", "maxmemory", "1mb");
  await expect(store.ping()).rejects.toMatchObject({ reason: "STATE_FULL" });
  expect(guard.available).toBe(true);
});
