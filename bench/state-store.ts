/**
 * How fast a state store takes decisions and outcomes: `node bench/state-store.ts [rows]`. Each engine
 * gets `rows` of each from 64 writers, then a tenth of that from one writer; each write is awaited and
 * durable. Outcomes go to one arm, so to one Redis partition: the worst case. Then the outbox is filled twice
 * with `rows` / 2 events, in entries of one row and of 200, and read and confirmed in batches of up to 10,000 rows.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisStateStore } from "../src/adapters/redis/redis-state-store.ts";
import { SqliteStateStore } from "../src/adapters/sqlite/sqlite-state-store.ts";
import type { CodeType } from "../src/domain/ids.ts";
import type { StateStore } from "../src/ports/state-store.ts";
import { startRedis } from "../test/support/redis.ts";
import {
  contributionInput,
  decisionInput,
  newGenerationId,
  silentLogger,
  systemClock,
} from "../test/support/state-samples.ts";

const rows = Number(process.argv[2] ?? 20_000);

type Write = (store: StateStore) => Promise<unknown>;

const writes: Readonly<Record<string, Write>> = {
  decisions: (store) => store.recordDecision(decisionInput()),
  outcomes: (store) =>
    store.applyContributions(contributionInput({ generationId: newGenerationId() })),
};

async function measure(options: {
  store: StateStore;
  write: Write;
  inFlight: number;
  count: number;
}): Promise<string> {
  const { store, write, inFlight, count } = options;
  let left = count;
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const writer = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const at = performance.now();
      await write(store);
      latenciesMs.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, writer));
  const seconds = (performance.now() - startedAt) / 1000;
  latenciesMs.sort((a, b) => a - b);
  const quantile = (q: number): string =>
    (latenciesMs[Math.floor((count - 1) * q)] as number).toFixed(2);
  return `${inFlight} in flight: ${Math.round(count / seconds)}/s, p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms`;
}

/** Batches of up to `rowsMax` rows until nothing is left; milliseconds of each. */
async function drain(store: StateStore, rowsMax: number): Promise<{ rows: number; ms: number }[]> {
  const batches: { rows: number; ms: number }[] = [];
  for (;;) {
    const at = performance.now();
    const batch = await store.readOutbox({ rowsMax });
    if (batch === undefined) return batches;
    await store.confirmOutbox(batch);
    const ms = performance.now() - at;
    batches.push({ rows: batch.entries.reduce((sum, entry) => sum + entry.rowCount, 0), ms });
  }
}

async function benchOutbox(name: string, store: StateStore): Promise<void> {
  await drain(store, 10_000);
  for (const rowsPerEntry of [1, 200]) {
    const entries = Math.ceil(rows / 2 / rowsPerEntry);
    for (let entry = 0; entry < entries; entry += 1) {
      // The calls of one turn for one agent and code type are one entry.
      const codeType = `code_${entry % 100}` as CodeType;
      await Promise.all(
        Array.from({ length: rowsPerEntry }, () =>
          store.applyContributions(
            contributionInput({
              generationId: newGenerationId(),
              codeType,
              event: { stream: "outcomes", row: JSON.stringify({ pad: "x".repeat(500) }) },
            }),
          ),
        ),
      );
    }
    const batches = (await drain(store, 10_000)).toSorted((a, b) => a.ms - b.ms);
    const middle = batches[Math.floor(batches.length / 2)];
    console.log(
      `${name}: outbox, entries of ${rowsPerEntry}: ${batches.length} batches, middle one of ${middle?.rows} rows in ${middle?.ms.toFixed(1)} ms`,
    );
  }
}

async function bench(name: string, store: StateStore): Promise<void> {
  const few = Math.max(64, Math.floor(rows / 10));
  for (const [noun, write] of Object.entries(writes)) {
    await measure({ store, write, inFlight: 64, count: few });
    for (const [inFlight, count] of [
      [64, rows],
      [1, few],
    ] as const) {
      console.log(`${name}: ${noun}, ${await measure({ store, write, inFlight, count })}`);
    }
  }
  await benchOutbox(name, store);
  await store.close();
}

const directory = mkdtempSync(join(tmpdir(), "banditd-bench-"));
try {
  await bench("sqlite", await SqliteStateStore.open({ directory, clock: systemClock }));
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
