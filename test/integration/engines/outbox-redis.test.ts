import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { batchesKey, outboxCountersKey, outboxKey } from "../../../src/adapters/redis/keys.ts";
import type { RedisStateStore } from "../../../src/adapters/redis/redis-state-store.ts";
import type { OutboxBatch } from "../../../src/ports/state-store.ts";
import type { Logger } from "../../../src/ports/telemetry.ts";
import { drain, readBatch, rowsOf } from "../../conformance/state-store-harness.ts";
import { closedAfterEach } from "../../support/closed-after-each.ts";
import { type RunningRedis, startRedis } from "../../support/redis.ts";
import { book, decisionInput, silentLogger } from "../../support/state-samples.ts";
import { openRedisState, type RedisStateStoreOptions } from "../../support/state-stores.ts";

const nothing = { entries: 0, rows: 0, bytes: 0 };
let server: RunningRedis;
let admin: Redis;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await admin.flushall();
});

const closing = closedAfterEach();
const open = async (options: Partial<RedisStateStoreOptions> = {}) =>
  closing(await openRedisState(server.url, options));

/** Each an entry of its own, all in one partition. */
async function record(store: RedisStateStore, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await book(store);
}

function streamIdOf(batch: OutboxBatch, index: number): { key: string; id: string } {
  const [partition, id] = (batch.entries[index] as OutboxBatch["entries"][number]).id.split(":");
  return { key: outboxKey(Number(partition)), id: id as string };
}

test("cut off while a confirmed batch was removed, the rest is removed and never handed out", async () => {
  const dead = await open();
  await record(dead, 20);
  const batch = await readBatch(dead);
  const later = decisionInput();
  await dead.recordDecision(later);
  const value = JSON.parse((await admin.hget(batchesKey, batch.id)) as string);
  const confirmed = { ...value, isConfirmed: true, renewedAtMs: 0 };
  await admin.hset(batchesKey, batch.id, JSON.stringify(confirmed));
  for (let index = 0; index < 7; index += 1) {
    const { key, id } = streamIdOf(batch, index);
    const [entry] = await admin.xrange(key, id, id);
    await admin.xdel(key, id);
    const counters = outboxCountersKey(Number(batch.entries[index]?.id.split(":")[0]));
    await admin.hincrby(counters, "rows", -1);
    await admin.hincrby(counters, "bytes", -Buffer.byteLength(entry?.[1][5] as string));
  }
  const store = await open();
  const next = await readBatch(store);
  expect(rowsOf(next.entries)).toEqual([later.event.row]);
  await dead.confirmOutbox(batch);
  expect(await store.outboxState()).toEqual({
    entries: 1,
    rows: 1,
    bytes: Buffer.byteLength(later.event.row),
    oldestAtMs: expect.any(Number),
  });
  expect(await admin.hkeys(batchesKey)).toEqual([next.id]);
});

test("two who confirm the same batch at once take it off the counts once", async () => {
  const slow = await open({ claimIdleMs: 1 });
  const fast = await open({ claimIdleMs: 1 });
  for (let round = 0; round < 20; round += 1) {
    await record(slow, 5);
    const batch = await readBatch(slow);
    await expect.poll(() => readBatch(fast)).toEqual(batch);
    await record(slow, 2);
    await Promise.all([slow.confirmOutbox(batch), fast.confirmOutbox(batch)]);
    expect(await slow.outboxState()).toMatchObject({ entries: 2, rows: 2 });
    await drain(fast);
    expect(await slow.outboxState()).toEqual(nothing);
  }
});

test("after Redis has lost an entry of a batch the others come under another id, and nobody's confirmation hurts", async () => {
  const errors: string[] = [];
  const logger: Logger = { ...silentLogger, error: (message) => errors.push(message) };
  const store = await open({ logger });
  await record(store, 5);
  const batch = await readBatch(store);
  const { key, id } = streamIdOf(batch, 2);
  await admin.xdel(key, id);
  const again = await readBatch(store);
  expect(again.id).not.toBe(batch.id);
  expect(rowsOf(again.entries)).toEqual(rowsOf(batch.entries.filter((_, index) => index !== 2)));
  expect(errors).toHaveLength(1);
  await store.confirmOutbox(batch);
  expect(await readBatch(store)).toEqual(again);
});

test("a server clock that goes back does not keep a dead process's batch from the others for longer", async () => {
  const claimIdleMs = 50;
  const dead = await open();
  await record(dead, 1);
  const batch = await readBatch(dead);
  const value = JSON.parse((await admin.hget(batchesKey, batch.id)) as string);
  value.renewedAtMs = Date.now() + 3_600_000;
  await admin.hset(batchesKey, batch.id, JSON.stringify(value));
  const store = await open({ claimIdleMs });
  expect(await store.readOutbox({ rowsMax: 10 })).toBeUndefined();
  await expect.poll(() => store.readOutbox({ rowsMax: 10 })).toEqual(batch);
});

test("many processes that read at the same moment each get a batch of their own, and none fails", async () => {
  const stores: RedisStateStore[] = [];
  for (let index = 0; index < 12; index += 1) stores.push(await open());
  const [writer] = stores as [RedisStateStore];
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      for (let turn = 0; turn < 5; turn += 1) await writer.recordDecision(decisionInput());
    }),
  );
  const batches = await Promise.all(stores.map((store) => store.readOutbox({ rowsMax: 5 })));
  const ids = batches.flatMap((batch) => (batch?.entries ?? []).map((entry) => entry.id));
  expect(new Set(ids).size).toBe(ids.length);
  expect(batches.filter((batch) => batch !== undefined).length).toBeGreaterThan(1);
});
