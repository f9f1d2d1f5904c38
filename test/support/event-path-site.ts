import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import {
  connectClickHouseEventLog,
  type OpenedEventLog,
} from "../../src/adapters/clickhouse/open-event-log.ts";
import { RedisStateStore } from "../../src/adapters/redis/redis-state-store.ts";
import { SqliteDiskQueue } from "../../src/adapters/sqlite/sqlite-disk-queue.ts";
import { SqliteStateStore } from "../../src/adapters/sqlite/sqlite-state-store.ts";
import { PrometheusTelemetry } from "../../src/adapters/system/prometheus-telemetry.ts";
import { systemEntropy } from "../../src/adapters/system/system-entropy.ts";
import type { DiskQueue } from "../../src/ports/disk-queue.ts";
import type { StateStore } from "../../src/ports/state-store.ts";
import {
  createEventPath,
  type EventPath,
  type OutboxLimit,
} from "../../src/service/events/event-path.ts";
import { sampleDecision, silentLogger, testClock } from "./clickhouse-event-samples.ts";
import { type ClickHouseFront, startClickHouseFront } from "./clickhouse-front.ts";
import { type Fault, faultyEventLog } from "./faulty.ts";
import { type RunningRedis, startRedis } from "./redis.ts";
import { decisionInput } from "./state-samples.ts";

interface Engines {
  readonly front: ClickHouseFront;
  readonly log: OpenedEventLog;
  readonly redis: RunningRedis | undefined;
}

/** What becomes of an insert. `after`: it is done, and said to have failed. `hang`: nothing, until the fault changes. */
const faults = {
  none: undefined,
  before: { kind: "refused" },
  after: { kind: "lost" },
  hang: { kind: "silent", isDone: false, failsAfterMs: Number.POSITIVE_INFINITY },
} as const satisfies Record<string, Fault | undefined>;
export type LogFault = keyof typeof faults;

export type StateEngine = "sqlite" | "redis";

export interface PathOptions extends Partial<OutboxLimit> {
  /** Absent: no disk for spilled events. */
  readonly spillBytesMax?: number;
  readonly wrapState?: (state: StateStore) => StateStore;
  readonly wrapSpill?: (spill: DiskQueue) => DiskQueue;
}

export interface OpenedPath extends EventPath {
  readonly state: StateStore;
  readonly spill: DiskQueue | undefined;
  readonly telemetry: PrometheusTelemetry;
  close(): Promise<void>;
}

/** The way of events from a real state store over a real disk to a real event log that fails when told to. */
export class EventPathSite {
  readonly #directory = mkdtempSync(join(tmpdir(), "banditd-path-"));
  readonly #engines: Engines;
  #fault: LogFault = "none";
  #changed = Promise.withResolvers<void>();
  #opened: OpenedPath | undefined;
  /** Names the rows of the test under way. */
  codeType = "";
  #codeTypes = 0;

  static async open(
    engine: StateEngine,
    redisOptions: Parameters<typeof startRedis>[0] = {},
  ): Promise<EventPathSite> {
    const front = await startClickHouseFront();
    const url = `${front.url}/bandit`;
    const log = connectClickHouseEventLog({ url, clock: testClock, logger: silentLogger });
    await log.migrator.migrate();
    // A merge would make one of two copies, and hide that a token did not.
    await front.command("SYSTEM STOP MERGES");
    const redis = engine === "redis" ? await startRedis(redisOptions) : undefined;
    return new EventPathSite({ front, log, redis });
  }

  private constructor(engines: Engines) {
    this.#engines = engines;
  }

  /** Tells each Redis server that it may use so much memory; 0: any. */
  async limitMemory(bytes: number): Promise<void> {
    for (const url of (this.#engines.redis as RunningRedis).url.split(",")) {
      const admin = new Redis(url);
      await admin.config("SET", "maxmemory", bytes);
      admin.disconnect();
    }
  }

  /** From now on every insert fares like this. */
  set fault(fault: LogFault) {
    this.#fault = fault;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Its rows are counted apart from those of other tests. */
  nextTest(): void {
    this.#codeTypes += 1;
    this.codeType = `c${this.#codeTypes}`;
    this.fault = "none";
  }

  /** A process's worth of event path; the one before must be closed. */
  async openPath(options: PathOptions = {}): Promise<OpenedPath> {
    const store = await this.openState();
    const state = options.wrapState?.(store) ?? store;
    const queue =
      options.spillBytesMax === undefined
        ? undefined
        : SqliteDiskQueue.open({
            directory: join(this.#directory, "spill"),
            bytesMax: options.spillBytesMax,
          });
    const spill = queue && (options.wrapSpill?.(queue) ?? queue);
    const telemetry = new PrometheusTelemetry();
    const path = createEventPath({
      state,
      eventLog: faultyEventLog(
        this.#engines.log.eventLog,
        (method) => (method === "append" ? faults[this.#fault] : undefined),
        () => this.#changed.promise,
      ),
      deadLetters: this.#engines.log.deadLetters,
      spill,
      outbox: { bytesMax: options.bytesMax ?? 2 ** 18, whenFull: options.whenFull ?? "refuse" },
      clock: testClock,
      entropy: systemEntropy,
      telemetry,
      logger: silentLogger,
      drainIntervalMs: 20,
      drainRowsMax: 100,
    });
    await path.start();
    const opened: OpenedPath = {
      ...path,
      state,
      spill,
      telemetry,
      close: async () => {
        if (this.#opened !== opened) return;
        this.#opened = undefined;
        await path.stop();
        await store.close();
        await queue?.close();
      },
    };
    this.#opened = opened;
    return opened;
  }

  /** Stores decisions, each with a row of about 700 bytes. */
  async record(state: StateStore, count: number): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, () => {
        const input = decisionInput();
        const of = { generation_id: input.record.generationId, code_type: this.codeType };
        const row = JSON.stringify(sampleDecision(of));
        return state.recordDecision({ ...input, event: { stream: "decisions", row } });
      }),
    );
  }

  /** Rows of this test as they are in the table, with the copies that a later merge would remove. */
  async stored(): Promise<{ rows: number; distinct: number }> {
    const [counts] = await this.#engines.front.query<{ rows: string; distinct: string }>(
      `SELECT count() AS rows, uniqExact(generation_id) AS distinct FROM bandit.decisions WHERE code_type = '${this.codeType}'`,
    );
    return { rows: Number(counts?.rows), distinct: Number(counts?.distinct) };
  }

  /** Closes what a test has left open, as it is. */
  async closePath(): Promise<void> {
    this.fault = "none";
    await this.#opened?.close();
  }

  async remove(): Promise<void> {
    await this.closePath();
    await this.#engines.redis?.stop();
    await this.#engines.log.eventLog.close();
    await this.#engines.front.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** @param consumer another one than a path's for a process beside it, which is the caller's to close. */
  async openState(consumer = "test"): Promise<StateStore> {
    if (this.#engines.redis === undefined) {
      const directory = join(this.#directory, "state");
      return SqliteStateStore.open({ directory, clock: testClock });
    }
    return await RedisStateStore.connect({
      url: this.#engines.redis.url,
      clock: testClock,
      consumer,
      logger: silentLogger,
    });
  }
}
