import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { type BanditClient, ClientError, createBanditClient } from "../../../src/client/index.ts";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";
import { createDatabase } from "../../support/postgres.ts";
import { makeDirectoryWithData } from "../../support/prepared-data.ts";
import { startRedis } from "../../support/redis.ts";
import { type EngineSet, engineSets } from "../../support/site.ts";
import { type Served, serve } from "../cli/cli-process.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const bytesMax = 2 ** 20;
/** About the bytes that a decision and an outcome of it take as rows. */
const pairBytes = 1_400;

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`it never came to this: ${what}`);
    await sleep(50);
  }
}

describe.each<EngineSet>(engineSets)("a service on %s whose event log is down", (engines) => {
  let front: ClickHouseFront;
  let database = "";
  let databases = 0;
  let directory = "";
  let environment: Record<string, string> = {};
  const cleanUp: (() => Promise<unknown>)[] = [];
  let served: Served | undefined;
  let client: BanditClient | undefined;
  /** Attempts that were refused at the bound and that the client made again. */
  let repeats = 0;
  /** What was acknowledged. */
  const decided = new Set<string>();
  const reported = new Set<string>();

  beforeAll(async () => {
    front = await startClickHouseFront();
    cleanUp.push(() => front.stop());
  });
  afterAll(async () => {
    for (const step of cleanUp.reverse()) await step();
  });
  afterEach(async () => {
    client?.close();
    front.failAlways(() => undefined);
    await served?.stop("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  });

  async function begin(whenFull: "refuse" | "spill"): Promise<void> {
    databases += 1;
    database = `outage_${databases}`;
    directory = await makeDirectoryWithData();
    repeats = 0;
    decided.clear();
    reported.clear();
    environment = {
      CLICKHOUSE_URL: `${front.url}/${database}`,
      BANDIT_OUTBOX_BYTES_MAX: String(bytesMax),
      BANDIT_OUTBOX_FULL: whenFull,
      BANDIT_DRAIN_INTERVAL_MS: "50",
    };
    if (engines === "servers") {
      const redis = await startRedis();
      const postgres = await createDatabase(inject("postgresUrl"));
      cleanUp.push(() => redis.stop());
      cleanUp.push(() => postgres.drop());
      environment = { ...environment, REDIS_URL: redis.url, DATABASE_URL: postgres.url };
    }
    await start();
    await front.command("SYSTEM STOP MERGES");
  }

  async function start(): Promise<void> {
    served = await serve(["--data-dir", join(directory, "data")], { environment });
    client = createBanditClient({
      address: served.grpcAddress,
      deadlineMs: 10_000,
      onRepeat: ({ reason }) => {
        if (reason === "OUTBOX_FULL") repeats += 1;
      },
    });
  }

  const calls = () => client as BanditClient;

  async function decide(): Promise<{ generationId: string; degradedReason: string }> {
    const decision = await calls().selectVariant({
      agentType: "evolution",
      codeType: "python_class",
    });
    if (!decision.degraded) decided.add(decision.generationId);
    return decision;
  }

  /** @returns why it was refused; undefined when it was acknowledged. */
  async function report(generationId: string): Promise<ClientError | undefined> {
    try {
      const { outcomeId } = await calls().recordOutcome({
        generationId,
        outcome: { case: "testRun", value: { passed: 9, failed: 1, coverage: 0.5 } },
      });
      reported.add(outcomeId);
      return undefined;
    } catch (error) {
      if (error instanceof ClientError) return error;
      throw error;
    }
  }

  async function metric(name: string): Promise<number> {
    const page = await (await fetch(`${served?.httpUrl}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(page)?.[1]);
  }

  async function expectEverythingOnce(): Promise<void> {
    await calls().query({ sql: "SELECT 1", fresh: true }, { deadlineMs: 60_000 });
    await until("nothing waits", async () => {
      const waiting = await Promise.all(
        ["bandit_outbox_entries", "bandit_event_lag_seconds"].map(metric),
      );
      return waiting.every((value) => value === 0);
    });
    for (const [table, id, acknowledged] of [
      ["decisions", "toString(generation_id)", decided],
      ["outcomes", "outcome_id", reported],
    ] as const) {
      const rows = await front.query<{ id: string }>(
        `SELECT ${id} AS id FROM ${database}.${table}`,
      );
      const ids = rows.map((row) => row.id);
      expect(ids.length, `${table}, copies counted`).toBe(new Set(ids).size);
      expect(new Set(ids), table).toEqual(acknowledged);
    }
  }

  test("refuses reports at the bound and says when to come again, goes on deciding, and loses nothing", async () => {
    await begin("refuse");
    // Also inserts that are done and whose answer is lost.
    let failed = 0;
    front.failAlways(() => {
      failed += 1;
      return failed % 3 === 0 ? "cut_after" : "refused_by_proxy";
    });
    let refused: ClientError | undefined;
    let generationId = "";
    while (refused === undefined) {
      ({ generationId } = await decide());
      refused = await report(generationId);
    }
    const refusedReports = 1 + repeats;
    expect(refused).toMatchObject({ code: "resource_exhausted", reason: "OUTBOX_FULL" });
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    expect(
      await calls()
        .recordGeneration({ generationId })
        .catch((error) => error),
    ).toMatchObject({
      code: "resource_exhausted",
      reason: "OUTBOX_FULL",
      retryAfterMs: refused.retryAfterMs,
    });
    const batch = await calls().batchRecordOutcomes({
      requests: [
        { generationId, outcome: { case: "testRun", value: { passed: 1, failed: 0 } } },
        {
          generationId: "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b",
          outcome: { case: "testRun", value: { passed: 1 } },
        },
      ],
    });
    expect(batch.results).toHaveLength(2);
    for (const { result } of batch.results) {
      expect(result).toMatchObject({
        case: "error",
        value: { reason: "OUTBOX_FULL", retryDelay: expect.anything() },
      });
    }
    expect((await decide()).degradedReason).toBe("");
    await until("the lag is told", async () => (await metric("bandit_event_lag_seconds")) > 1);
    expect(await metric('bandit_reports_refused_total{kind="outcome",reason="OUTBOX_FULL"}')).toBe(
      refusedReports + 2,
    );

    let last = await decide();
    while (last.degradedReason === "") last = await decide();
    expect(last.degradedReason).toContain("OUTBOX_FULL");
    expect(await metric('bandit_decisions_unrecorded_total{reason="OUTBOX_FULL"}')).toBeGreaterThan(
      0,
    );
    expect(await metric("bandit_outbox_bytes")).toBeLessThan(1.6 * bytesMax);

    front.failAlways(() => undefined);
    await expectEverythingOnce();
    expect(await report(generationId)).toBeUndefined();
    expect((await decide()).degradedReason).toBe("");
    await expectEverythingOnce();
  });

  test("spills to disk what has no room, also through a kill, refuses nothing, and loses nothing", async () => {
    await begin("spill");
    front.failAlways(() => "refused_by_proxy");
    const work = async (pairs: number): Promise<void> => {
      for (let done = 0; done < pairs; done += 1) {
        const { generationId, degradedReason } = await decide();
        expect(degradedReason).toBe("");
        expect(await report(generationId)).toBeUndefined();
        // Not faster than the disk is written to: a quarter of a second for a tenth of the bound.
        if (done % 70 === 69) await sleep(250);
      }
    };
    const pairs = Math.ceil((1.3 * bytesMax) / pairBytes);
    await work(pairs);
    await until("events are on disk", async () => (await metric("bandit_spill_bytes")) > 0);
    client?.close();
    await served?.stop("SIGKILL");
    front.failAlways(() => undefined);
    // The schema is looked at when it starts; then the log is away again.
    await start();
    front.failAlways(() => "cut_after");
    await work(pairs);
    await until("events are on disk", async () => (await metric("bandit_spill_bytes")) > 0);
    expect(await metric("bandit_event_lag_seconds")).toBeGreaterThan(1);
    // A query that wants everything waits for what is on disk as well.
    front.failAlways(() => undefined);
    const { rows } = await calls().query(
      { sql: "SELECT count() FROM outcomes", fresh: true },
      { deadlineMs: 30_000 },
    );
    expect(rows[0]?.values[0]?.kind.value).toBe(String(reported.size));
    await until("the disk is empty", async () => (await metric("bandit_spill_bytes")) === 0);
    await expectEverythingOnce();
  });
});
