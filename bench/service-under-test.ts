import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { startPostgres } from "../test/support/postgres.ts";
import { startRedis } from "../test/support/redis.ts";
import { startChild } from "./child-process.ts";
import type { CallName } from "./load-protocol.ts";

/** `embedded`: SQLite, PGlite, chDB. `redis`: a real Redis and a real Postgres, events in chDB. */
export type StoreName = "embedded" | "redis";

export const storeNames: readonly StoreName[] = ["embedded", "redis"];

/** The service in a process of its own, with empty stores and the seeded catalogue. */
export interface ServiceUnderTest extends AsyncDisposable {
  readonly pid: number;
  readonly grpcAddress: string;
  readonly engines: Readonly<Record<string, string>>;
  /** Waits until every event acknowledged so far is in the event log; says how long that took. */
  catchUp(): Promise<number>;
  /** What the event log holds. `learned`: generations with at least one outcome that was learned from. */
  countEvents(): Promise<Record<CallName | "learned", number>>;
  /** The page that Prometheus would scrape. */
  metrics(): Promise<string>;
  /** Undefined when there is no Redis. */
  redisCpuSeconds(): Promise<number | undefined>;
}

const catchUpTimeoutMs = 120_000;

/** @param nodeOptions for the service's process, e.g. `--cpu-prof` */
export async function startService(
  store: StoreName,
  nodeOptions: readonly string[],
): Promise<ServiceUnderTest> {
  const dataDir = await mkdtemp(join(tmpdir(), "banditd-bench-"));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  try {
    const engines = store === "redis" ? await startEngines(stack) : undefined;
    const child = await startChild("service-process.ts", {
      args: [
        JSON.stringify({
          dataDir,
          redisUrl: engines?.redisUrl,
          databaseUrl: engines?.databaseUrl,
        }),
      ],
      nodeOptions,
    });
    stack.defer(() => child.stop());
    const httpUrl = String(child.ready["httpUrl"]);
    const metrics = async () => (await fetch(`${httpUrl}/metrics`)).text();
    return {
      pid: child.pid,
      grpcAddress: String(child.ready["grpcAddress"]),
      engines: child.ready["engines"] as Record<string, string>,
      catchUp: async () => {
        const startedAtMs = performance.now();
        await query(httpUrl, "SELECT 1");
        return performance.now() - startedAtMs;
      },
      countEvents: async () => {
        const [row] = await query(httpUrl, countEventsSql);
        const [SelectVariant, RecordGeneration, RecordOutcome, learned] = (row ?? []).map(Number);
        return {
          SelectVariant: SelectVariant ?? 0,
          RecordGeneration: RecordGeneration ?? 0,
          RecordOutcome: RecordOutcome ?? 0,
          learned: learned ?? 0,
        };
      },
      metrics,
      redisCpuSeconds: async () => engines?.redisCpuSeconds(),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Distinct ids and rows: a row that was lost or inserted twice shows in one of the two. */
const countEventsSql = `
  SELECT
    (SELECT if(count() = uniqExact(generation_id), count(), -1) FROM decisions),
    (SELECT if(count() = uniqExact(generation_id), count(), -1) FROM generations),
    (SELECT if(count() = uniqExact(generation_id, outcome_id), count(), -1) FROM outcomes),
    (SELECT uniqExact(generation_id) FROM outcomes WHERE learned = 1)`;

async function startEngines(stack: AsyncDisposableStack): Promise<{
  redisUrl: string;
  databaseUrl: string;
  redisCpuSeconds: () => Promise<number>;
}> {
  const redis = await startRedis();
  stack.defer(() => redis.stop());
  const postgres = await startPostgres();
  stack.defer(() => postgres.stop());
  const client = new Redis(redis.url);
  stack.defer(() => client.disconnect());
  // As documented for production: every decision is in the append-only file, synced once a second.
  await client.config("SET", "appendonly", "yes");
  await client.config("SET", "appendfsync", "everysec");
  await client.config("SET", "maxmemory-policy", "noeviction");
  return {
    redisUrl: redis.url,
    databaseUrl: postgres.url,
    redisCpuSeconds: async () => {
      const info = await client.info("cpu");
      const value = (name: string) => Number(new RegExp(`^${name}:(.*)$`, "m").exec(info)?.[1]);
      return value("used_cpu_sys") + value("used_cpu_user");
    },
  };
}

/** One statement over Connect's JSON, after everything acknowledged has reached the event log. */
async function query(httpUrl: string, sql: string): Promise<unknown[][]> {
  const response = await fetch(`${httpUrl}/bandit.v1.InsightService/Query`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sql, fresh: true, rowsMax: 10, timeout: `${catchUpTimeoutMs / 1000}s` }),
    signal: AbortSignal.timeout(catchUpTimeoutMs + 5_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} for ${sql}: ${text}`);
  return (JSON.parse(text) as { rows?: unknown[][] }).rows ?? [];
}
