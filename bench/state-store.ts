/**
 * How fast a state store takes decisions: `node bench/state-store.ts [rows]`. Each engine gets `rows`
 * decisions from 64 writers, then a tenth of that from one writer; each write is awaited and durable.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LmdbStateStore } from "../src/adapters/lmdb/lmdb-state-store.ts";
import { RedisStateStore } from "../src/adapters/redis/redis-state-store.ts";
import type { StateStore } from "../src/ports/state-store.ts";
import { startRedis } from "../test/support/redis.ts";
import { decisionInput, silentLogger, systemClock } from "../test/support/state-samples.ts";

const rows = Number(process.argv[2] ?? 20_000);

async function measure(store: StateStore, inFlight: number, count: number): Promise<string> {
  let left = count;
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const writer = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const input = decisionInput();
      const at = performance.now();
      await store.recordDecision(input);
      latenciesMs.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, writer));
  const seconds = (performance.now() - startedAt) / 1000;
  latenciesMs.sort((a, b) => a - b);
  const quantile = (q: number): string =>
    (latenciesMs[Math.floor((count - 1) * q)] as number).toFixed(2);
  return `${inFlight} in flight: ${Math.round(count / seconds)} decisions/s, p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms`;
}

async function bench(name: string, store: StateStore): Promise<void> {
  await measure(store, 64, Math.max(64, Math.floor(rows / 10)));
  console.log(`${name}: ${await measure(store, 64, rows)}`);
  console.log(`${name}: ${await measure(store, 1, Math.max(1, Math.floor(rows / 10)))}`);
  await store.close();
}

const directory = mkdtempSync(join(tmpdir(), "banditd-bench-"));
try {
  await bench("lmdb", await LmdbStateStore.open({ directory, clock: systemClock }));
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const redis = await startRedis();
try {
  const options = { clock: systemClock, consumer: "bench", logger: silentLogger };
  await bench("redis", await RedisStateStore.connect({ url: redis.url, ...options }));
} finally {
  await redis.stop();
}
