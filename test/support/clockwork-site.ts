import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { hmacUserIdHasher } from "../../src/adapters/system/hmac-user-id-hasher.ts";
import { pinoLogger } from "../../src/adapters/system/pino-logger.ts";
import { PrometheusTelemetry } from "../../src/adapters/system/prometheus-telemetry.ts";
import { systemEntropy } from "../../src/adapters/system/system-entropy.ts";
import { readConfig } from "../../src/app/config.ts";
import { type Engines, openEngines } from "../../src/app/engines.ts";
import type { BanditService } from "../../src/service/api/bandit-service.ts";
import {
  type BanditServiceOptions,
  createBanditService,
  type RunningBanditService,
} from "../../src/service/create-bandit-service.ts";
import { createDatabase } from "./postgres.ts";
import { fillDataDirectory } from "./prepared-data.ts";
import { startRedis } from "./redis.ts";
import type { EngineSet } from "./service.ts";

/** Engines and a clock that the test moves, on which services are opened, closed and opened again. */
export interface ClockworkSite {
  readonly clock: { timeMs: number };
  /** Of `servers`. */
  readonly redisUrl: string | undefined;
  /**
   * @param options.replica number of the directory that its events go to: chDB's belongs to one process. Several
   * at once on `servers` only.
   */
  open(options?: {
    replica?: number;
    changes?: (engines: Engines) => Partial<BanditServiceOptions>;
  }): Promise<ClockworkReplica>;
  remove(): Promise<void>;
}

export interface ClockworkReplica {
  readonly engines: Engines;
  readonly telemetry: PrometheusTelemetry;
  readonly running: RunningBanditService;
  readonly service: BanditService;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Decisions that a service under test remembers, so that others are read from the engines. */
export const clockworkDecisionsMax = 2;

/** @param options.clickhouseUrl events go there, those of all replicas. */
export async function openClockworkSite(
  engineSet: EngineSet = "embedded",
  options: { clickhouseUrl?: string } = {},
): Promise<ClockworkSite> {
  const time = { timeMs: Date.UTC(2026, 0, 1) };
  const clock = { nowMs: () => time.timeMs, monotonicMs: () => time.timeMs };
  const directory = mkdtempSync(join(tmpdir(), "banditd-clockwork-"));
  const logger = pinoLogger("silent");
  const servers =
    engineSet === "servers"
      ? { redis: await startRedis(), database: await createDatabase(inject("postgresUrl")) }
      : undefined;
  const urls =
    servers === undefined
      ? options
      : { ...options, redisUrl: servers.redis.url, databaseUrl: servers.database.url };
  const opened = new Set<ClockworkReplica>();
  return {
    clock: time,
    redisUrl: servers?.redis.url,
    async open({ replica = 0, changes = () => ({}) } = {}) {
      const dataDir = join(directory, String(replica));
      if (!existsSync(dataDir)) await fillDataDirectory(dataDir);
      const engines = await openEngines(readConfig({ dataDir, ...urls }, {}), { clock, logger });
      const telemetry = new PrometheusTelemetry();
      const running = await createBanditService({
        state: engines.state,
        catalogue: engines.catalogue,
        eventLog: engines.eventLog,
        deadLetters: engines.deadLetters,
        clock,
        entropy: systemEntropy,
        telemetry,
        logger,
        userIds: hmacUserIdHasher("0123456789abcdef"),
        info: {
          version: "test",
          engines: engines.names,
          dataDirectory: dataDir,
          startedAtMs: time.timeMs,
        },
        storeContent: false,
        autoCreateAgentTypes: false,
        recentDecisionsMax: clockworkDecisionsMax,
        outbox: { bytesMax: 2 ** 30, whenFull: "refuse" },
        drainIntervalMs: 20,
        drainRowsMax: 500,
        totalsSyncIntervalMs: 1_000,
        defaultRewardIntervalMs: 60_000,
        spill: undefined,
        eventRetentionDays: undefined,
        stateTimeoutMs: undefined,
        spool: undefined,
        startCatalogue: undefined,
        catalogueSnapshots: undefined,
        posteriorSnapshots: undefined,
        ...changes(engines),
      });
      const opening: ClockworkReplica = {
        engines,
        telemetry,
        running,
        service: running.service,
        async close() {
          if (!opened.delete(opening)) return;
          await running.stop();
          await engines.close();
        },
      };
      opened.add(opening);
      return opening;
    },
    async remove() {
      for (const replica of opened) await replica.close();
      await servers?.redis.stop();
      await servers?.database.drop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
