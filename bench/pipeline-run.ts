import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { openChdbEventLog } from "../src/adapters/clickhouse/open-event-log.ts";
import { RedisStateStore } from "../src/adapters/redis/redis-state-store.ts";
import { SqliteStateStore } from "../src/adapters/sqlite/sqlite-state-store.ts";
import { systemClock } from "../src/adapters/system/system-clock.ts";
import { systemEntropy } from "../src/adapters/system/system-entropy.ts";
import type { EventLog } from "../src/ports/event-log.ts";
import { type EventStream, eventStreams } from "../src/ports/event-rows.ts";
import type { StateStore } from "../src/ports/state-store.ts";
import type { Telemetry } from "../src/ports/telemetry.ts";
import { createEventPath } from "../src/service/events/event-path.ts";
import { startRedis } from "../test/support/redis.ts";
import { silentLogger } from "../test/support/state-samples.ts";
import { EventSource } from "./event-source.ts";
import { type LatencySummary, summarizeLatencies } from "./latency-summary.ts";
import { cpuSecondsOf } from "./machine.ts";
import type { StoreName } from "./service-under-test.ts";

export interface PipelineSettings {
  /** Length of the measured part. */
  readonly seconds: number;
  /** Before it, not counted: code is compiled, tables have their first parts. */
  readonly warmUpSeconds: number;
  /** Writes under way at once. */
  readonly inFlight: number;
  /** Rows read from the outbox at once. */
  readonly rowsMax: number;
  /** Writers pause while so many events wait: what is written must be what is drained. */
  readonly backlogRowsMax: number;
}

export interface PipelineFigures {
  readonly store: StoreName;
  /** Rows that the event log confirmed, per second of the measured part. */
  readonly eventsPerSecond: number;
  /** The same for its first and its second half: sustained means that they are alike. */
  readonly halvesPerSecond: readonly [number, number];
  /** Inserts in the measured part, and how long each took. */
  readonly inserts: LatencySummary;
  readonly rowsPerInsert: number;
  readonly bytesPerRow: number;
  /** Age of the oldest event in the outbox, looked at every 200 ms. */
  readonly lag: LatencySummary;
  /** Busy cores: this process with writers, outbox and drain; the event engine; Redis. */
  readonly cpu: { readonly own: number; readonly eventEngine: number; readonly redis: number };
  /** Events acknowledged by the state store, warm-up included. */
  readonly acknowledged: number;
  /** Acknowledged and not in ClickHouse after a flush. */
  readonly lost: number;
  /** Rows in ClickHouse beyond one for each event. */
  readonly doubled: number;
}

const lagIntervalMs = 200;

/** @throws when an engine fails */
export async function measurePipeline(
  store: StoreName,
  settings: PipelineSettings,
): Promise<PipelineFigures> {
  await using stack = new AsyncDisposableStack();
  const { state, eventLog, path, counted, redisCpuSeconds } = await openPath(store, {
    settings,
    stack,
  });
  const source = new EventSource(state);
  const writers = source.start({
    inFlight: settings.inFlight,
    mayWrite: () => source.acknowledged - counted.rows < settings.backlogRowsMax,
  });
  await sleep(settings.warmUpSeconds * 1000);
  const usage = async () => ({
    rows: counted.rows,
    cpu: cpuSecondsOf(process.pid),
    redis: await redisCpuSeconds(),
  });
  const before = await usage();
  counted.insertMs.length = 0;
  const startedAtMs = performance.now();
  const lagMs: number[] = [];
  let rowsAtHalf = 0;
  for (
    let elapsed = 0;
    elapsed < settings.seconds * 1000;
    elapsed = performance.now() - startedAtMs
  ) {
    const { oldestAtMs } = await state.outboxState();
    lagMs.push(oldestAtMs === undefined ? 0 : Math.max(0, Date.now() - oldestAtMs));
    if (elapsed < settings.seconds * 500) rowsAtHalf = counted.rows;
    await sleep(lagIntervalMs);
  }
  const seconds = (performance.now() - startedAtMs) / 1000;
  const after = await usage();
  const inserts = Float64Array.from(counted.insertMs);
  source.stop();
  await writers;
  await path.drain.flush();
  const found = await countRows(eventLog);
  const rows = after.rows - before.rows;
  const busy = (from = 0, to = 0) => (to - from) / seconds;
  return {
    store,
    eventsPerSecond: rows / seconds,
    halvesPerSecond: [
      (rowsAtHalf - before.rows) / (seconds / 2),
      (after.rows - rowsAtHalf) / (seconds / 2),
    ],
    inserts: summarizeLatencies(inserts),
    rowsPerInsert: rows / Math.max(1, inserts.length),
    bytesPerRow: source.bytes / Math.max(1, source.acknowledged),
    lag: summarizeLatencies(Float64Array.from(lagMs)),
    cpu: {
      own: busy(before.cpu?.own, after.cpu?.own),
      eventEngine:
        busy(before.cpu?.children, after.cpu?.children) - busy(before.redis, after.redis),
      redis: busy(before.redis, after.redis),
    },
    acknowledged: source.acknowledged,
    lost: source.acknowledged - found.distinct,
    doubled: found.rows - found.distinct,
  };
}

/** The state store, the event log, and the path of events between them. */
async function openPath(
  store: StoreName,
  { settings, stack }: { settings: PipelineSettings; stack: AsyncDisposableStack },
) {
  const directory = await mkdtemp(join(tmpdir(), "banditd-pipeline-"));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const { state, redisCpuSeconds } = await openState(store, directory, stack);
  const { eventLog, deadLetters, migrator } = await openChdbEventLog({
    directory: join(directory, "events"),
    clock: systemClock,
    logger: silentLogger,
  });
  stack.defer(() => eventLog.close());
  await migrator.migrate();
  const counted = new CountingTelemetry();
  const path = createEventPath({
    state,
    eventLog,
    deadLetters,
    outbox: { bytesMax: 2 ** 30, whenFull: "refuse" },
    clock: systemClock,
    entropy: systemEntropy,
    telemetry: counted,
    logger: silentLogger,
    drainIntervalMs: 100,
    spill: undefined,
    drainRowsMax: settings.rowsMax,
  });
  await path.start();
  stack.defer(() => path.stop());
  return { state, eventLog, path, counted, redisCpuSeconds };
}

async function openState(
  store: StoreName,
  directory: string,
  stack: AsyncDisposableStack,
): Promise<{ state: StateStore; redisCpuSeconds: () => Promise<number> }> {
  if (store === "embedded") {
    const state = await SqliteStateStore.open({
      directory: join(directory, "state"),
      clock: systemClock,
      logger: silentLogger,
    });
    stack.defer(() => state.close());
    return { state, redisCpuSeconds: async () => 0 };
  }
  const redis = await startRedis();
  stack.defer(() => redis.stop());
  const client = new Redis(redis.url);
  stack.defer(() => client.disconnect());
  await client.config("SET", "appendonly", "yes");
  await client.config("SET", "appendfsync", "everysec");
  const state = await RedisStateStore.connect({
    url: redis.url,
    clock: systemClock,
    logger: silentLogger,
    consumer: "bench",
  });
  stack.defer(() => state.close());
  return {
    state,
    redisCpuSeconds: async () => {
      const info = await client.info("cpu");
      const value = (name: string) => Number(new RegExp(`^${name}:(.*)$`, "m").exec(info)?.[1]);
      return value("used_cpu_sys") + value("used_cpu_user");
    },
  };
}

async function countRows(eventLog: EventLog): Promise<{ rows: number; distinct: number }> {
  const keys: Record<EventStream, string> = {
    decisions: "generation_id",
    generations: "generation_id",
    outcomes: "generation_id, outcome_id",
  };
  const found = { rows: 0, distinct: 0 };
  for (const stream of eventStreams) {
    const { rows } = await eventLog.query({
      sql: `SELECT count(), uniqExact(${keys[stream]}) FROM ${stream}`,
      rowsMax: 1,
      timeoutMs: 60_000,
    });
    found.rows += Number(rows[0]?.[0]);
    found.distinct += Number(rows[0]?.[1]);
  }
  return found;
}

/** What the drain says of its work. */
class CountingTelemetry implements Telemetry {
  rows = 0;
  readonly insertMs: number[] = [];

  count(name: string, _labels?: Readonly<Record<string, string>>, amount = 1): void {
    if (name === "bandit_events_written_total") this.rows += amount;
  }

  observeMs(name: string, durationMs: number): void {
    if (name === "bandit_event_write_duration_ms") this.insertMs.push(durationMs);
  }

  gauge(): void {}
}
