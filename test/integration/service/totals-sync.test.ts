import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { RedisStateStore } from "../../../src/adapters/redis/redis-state-store.ts";
import { SqliteStateStore } from "../../../src/adapters/sqlite/sqlite-state-store.ts";
import { PrometheusTelemetry } from "../../../src/adapters/system/prometheus-telemetry.ts";
import { zeroTotals } from "../../../src/domain/contribution.ts";
import type { CodeType } from "../../../src/domain/ids.ts";
import type { StateStore } from "../../../src/ports/state-store.ts";
import { AllocationTable } from "../../../src/service/posteriors/allocation-table.ts";
import { TotalsSync } from "../../../src/service/posteriors/totals-sync.ts";
import { startRedis } from "../../support/redis.ts";
import {
  book,
  newGenerationId,
  sampleArm,
  silentLogger,
  systemClock,
} from "../../support/state-samples.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { until } from "../../support/until.ts";

let allocations: AllocationTable;
/** Of the event log. */
let firstDecisionMs: number | undefined;

beforeEach(() => {
  firstDecisionMs = undefined;
  allocations = new AllocationTable({ clock: systemClock, telemetry: new PrometheusTelemetry() });
});
afterEach(() => void vi.restoreAllMocks());

async function connect(url: string, consumer: string): Promise<StateStore> {
  const options = { url, clock: systemClock, consumer, logger: silentLogger };
  const state = await RedisStateStore.connect(options);
  onTestFinished(() => state.close());
  return state;
}

async function openRedis(): Promise<{ state: StateStore; admin: Redis; url: string }> {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const { url } = server;
  const admin = new Redis(url);
  onTestFinished(() => admin.disconnect());
  return { state: await connect(url, "sync"), admin, url };
}

async function openSqlite(): Promise<StateStore> {
  const directory = temporaryDirectory();
  const state = await SqliteStateStore.open({ directory, clock: systemClock });
  onTestFinished(() => state.close());
  return state;
}

function sync(state: StateStore, intervalMs: number): TotalsSync {
  const eventLog = { findFirstDecisionMs: async () => firstDecisionMs };
  const online = { findOrigin: () => state.repair.findOrigin() };
  const made = new TotalsSync({
    ...{ state, online, eventLog, allocations, logger: silentLogger, intervalMs },
  });
  onTestFinished(() => made.stop());
  return made;
}

function learn(state: StateStore, codeType: CodeType = sampleArm.codeType): Promise<unknown> {
  return book(state, { codeType, generationId: newGenerationId() });
}

function generations(codeType: CodeType = sampleArm.codeType): number {
  const { agentType, variantId } = sampleArm;
  return allocations.totals(agentType, codeType, variantId).generations;
}

test("memory follows a Redis that was set back, and goes on learning from there", async () => {
  const { state, admin } = await openRedis();
  await sync(state, 20).start();
  await learn(state);
  const key = (await admin.keys("bandit:*:t:*"))[0] as string;
  const backup = await admin.hgetall(key);
  for (let count = 0; count < 4; count += 1) await learn(state);
  await until("five are known", 5_000, () => generations() === 5);

  await admin.hset(key, backup);
  await until("the older state is known", 5_000, () => generations() === 1);
  await learn(state);
  await until("the next is known", 5_000, () => generations() === 2);
});

describe("a Redis that is emptied while it is used", () => {
  /** What a rebuild does in the end. */
  const refill = async (state: StateStore, count: number): Promise<void> => {
    const totals = { ...zeroTotals, reward: count / 2, weight: count, generations: count };
    const [arm] = await state.repair.readTotals(sampleArm);
    await state.repair.replaceTotals({
      ...{ ...sampleArm, totals, expectedVersion: arm?.version ?? 0 },
      versionMin: Date.now(),
    });
    await state.repair.markRestored();
  };
  const compared = async (state: StateStore, times: number): Promise<void> => {
    const list = vi.spyOn(state, "listTotals");
    await until("it was compared", 5_000, () => list.mock.calls.length > times);
    list.mockRestore();
  };

  test("takes nothing out of memory, also when it learns anew and other processes start on it; a rebuild's totals count at once", async () => {
    const { state, admin, url } = await openRedis();
    const following = sync(state, 20);
    await following.start();
    for (let count = 0; count < 5; count += 1) await learn(state);
    await until("five are known", 5_000, () => generations() === 5);
    expect(following.stateLost).toBe(false);

    await admin.flushall();
    await until("the loss is noticed", 5_000, () => following.stateLost);
    // Somebody starts on the empty store and gives it an origin; the arm and another one are learned of anew.
    const other = await connect(url, "another");
    await learn(other);
    await learn(other, "new" as CodeType);
    await compared(state, 5);
    expect(following.stateLost).toBe(true);
    expect(generations()).toBe(5);
    expect(generations("new" as CodeType)).toBe(1);

    await refill(other, 6);
    await until("the rebuilt state is known", 5_000, () => generations() === 6);
    await until("nothing is lost any more", 5_000, () => !following.stateLost);
    await learn(other);
    await until("the next is known", 5_000, () => generations() === 7);
    await compared(state, 5);
    expect(generations()).toBe(7);
  });

  test("a rebuild counts also for who has heard nothing of it, with versions below those in memory", async () => {
    const { state, admin } = await openRedis();
    vi.spyOn(state, "onTotalsChanged").mockReturnValue(() => undefined);
    const following = sync(state, 20);
    for (let count = 0; count < 9; count += 1) await learn(state);
    await following.start();
    expect(generations()).toBe(9);
    await admin.flushall();
    await until("the loss is noticed", 5_000, () => following.stateLost);
    const totals = { ...zeroTotals, reward: 1, weight: 3, generations: 3 };
    await state.repair.replaceTotals({ ...sampleArm, totals, expectedVersion: 0, versionMin: 1 });
    await compared(state, 5);
    expect(generations()).toBe(9);
    await state.repair.markRestored();
    await until("what was put back is known", 5_000, () => generations() === 3);
    expect(following.stateLost).toBe(false);
  });
});

test("a process that begins on an emptied store is told by the event log, until a rebuild has filled it", async () => {
  for (const open of [openSqlite, async () => (await openRedis()).state]) {
    const state = await open();
    firstDecisionMs = Date.now() - 60_000;
    const young = sync(state, 20);
    await young.start();
    expect(await young.checkStateLost()).toBe(false);

    firstDecisionMs = Date.now() - 3_600_000;
    const following = sync(state, 20);
    await following.start();
    await until("the log was asked", 5_000, () => following.stateLost);
    expect(await following.checkStateLost()).toBe(true);
    await state.repair.markRestored();
    expect(await following.checkStateLost()).toBe(false);
    await following.compare();
    expect(following.stateLost).toBe(false);
    expect(young.stateLost).toBe(false);
  }
});

test("others have their turn while many arms are read", async () => {
  const state = await openSqlite();
  const arms = 3000;
  await Promise.all(Array.from({ length: arms }, (_, arm) => learn(state, `c${arm}` as CodeType)));
  let turns = 0;
  let reading = true;
  const takeTurn = (): void => {
    turns += 1;
    if (reading) setImmediate(takeTurn);
  };
  setImmediate(takeTurn);
  await sync(state, 1_000).start();
  reading = false;
  expect(turns).toBeGreaterThanOrEqual(arms / 250);
});

test("a store that only this process can change is read once; one that others change is read again and again", async () => {
  const own = await openSqlite();
  const { state: common } = await openRedis();
  const intervalMs = 12_345; // nobody else's
  const setTimer = vi.spyOn(globalThis, "setTimeout");
  const scheduled = (): number =>
    setTimer.mock.calls.filter(([, delayMs]) => delayMs === intervalMs).length;
  await sync(own, intervalMs).start();
  expect(scheduled()).toBe(0);
  await sync(common, intervalMs).start();
  expect(scheduled()).toBe(1);
});
