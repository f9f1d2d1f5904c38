import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { SqliteDiskQueue } from "../../src/adapters/sqlite/sqlite-disk-queue.ts";
import { hmacUserIdHasher } from "../../src/adapters/system/hmac-user-id-hasher.ts";
import { PrometheusTelemetry } from "../../src/adapters/system/prometheus-telemetry.ts";
import { systemEntropy } from "../../src/adapters/system/system-entropy.ts";
import { readConfig, type ServiceOptions } from "../../src/app/config.ts";
import { type Engines, openEngines } from "../../src/app/engines.ts";
import { openService, type RunningService } from "../../src/app/open-service.ts";
import { type BanditClient, createBanditClient } from "../../src/client/index.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { BanditService } from "../../src/service/api/bandit-service.ts";
import {
  type BanditServiceOptions,
  createBanditService,
  type RunningBanditService,
} from "../../src/service/create-bandit-service.ts";
import { type ClickHouseFront, startClickHouseFront } from "./clickhouse-front.ts";
import { metricOn, sumOfMetric } from "./metrics-page.ts";
import { createDatabase } from "./postgres.ts";
import { fillDataDirectory } from "./prepared-data.ts";
import { startRedis } from "./redis.ts";
import { silentLogger } from "./state-samples.ts";

/** Which engines a service under test runs on. `servers`: events go through ClickHouse's HTTP interface, to one chDB. */
export type EngineSet = "embedded" | "servers";
export const engineSets: readonly EngineSet[] = ["embedded", "servers"];

/** Decisions that a service under test remembers, so that others are read from the engines. */
export const decisionsRemembered = 2;

/** Engines of a test's own, on which services are opened, closed and opened again. */
export interface Site {
  /** Of the services that {@link open} makes: it stands still unless the test moves it, or has given its own. */
  readonly clock: { timeMs: number };
  /** Of `servers`. */
  readonly redisUrl: string | undefined;
  /** Of `servers`: where the events go. */
  clickhouse(): Promise<ClickHouseFront>;
  /**
   * A process's worth of service with its transports, by the clock of the machine. Several at once on `servers` only.
   */
  serve(overrides?: Partial<ServiceOptions>): Promise<ServedSite>;
  /** The engines of a data directory, for several services on the same ones. */
  openEngines(replica?: number): Promise<Engines>;
  /** The use cases on the engines, by the site's clock. Several at once on `servers` only, or on the same engines. */
  open(options?: OpenOptions): Promise<Replica>;
  /** Closed with the site. */
  openQueue(bytesMax?: number): SqliteDiskQueue;
  remove(): Promise<void>;
}

export interface OpenOptions {
  /** Number of its data directory, which belongs to one process. Default 0. */
  readonly replica?: number;
  /** Opened before, and left open by the service. */
  readonly engines?: Engines;
  readonly changes?: (engines: Engines) => Partial<BanditServiceOptions>;
}

export interface ServedSite {
  readonly running: RunningService;
  readonly client: BanditClient;
  /** Of its page /metrics; undefined when there is no such metric. */
  metric(name: string): Promise<number | undefined>;
  close(): Promise<void>;
}

/** A process's worth of service. */
export async function serveWith(options: ServiceOptions): Promise<ServedSite> {
  const running = await openService(options);
  const client = createBanditClient({ address: running.grpcAddress, deadlineMs: 20_000 });
  return {
    running,
    client,
    metric: (name) => metricOn(running.httpUrl, name),
    async close() {
      client.close();
      await running.stop();
    },
  };
}

export interface Replica {
  readonly engines: Engines;
  readonly telemetry: PrometheusTelemetry;
  readonly running: RunningBanditService;
  readonly service: BanditService;
  /** Value of a counter or gauge, over all of its labels that contain `label`. */
  metric(name: string, label?: string): Promise<number>;
  /** Idempotent. */
  close(): Promise<void>;
  /** It is not closed with the site: what it has begun never ends. */
  abandon(): void;
}

export async function openSite(
  engineSet: EngineSet = "embedded",
  options: { readonly clock?: Clock } = {},
): Promise<Site> {
  const time = { timeMs: Date.UTC(2026, 0, 1) };
  const clock = options.clock ?? { nowMs: () => time.timeMs, monotonicMs: () => time.timeMs };
  const directory = mkdtempSync(join(tmpdir(), "banditd-site-"));
  const servers =
    engineSet === "servers"
      ? { redis: await startRedis(), database: await createDatabase(inject("postgresUrl")) }
      : undefined;
  let front: Promise<ClickHouseFront> | undefined;
  const clickhouse = () => {
    front ??= startClickHouseFront();
    return front;
  };
  /** Processes that share a Redis share one event log. */
  const serverUrls = async () => {
    if (servers === undefined) return {};
    const { redis, database } = servers;
    const clickhouseUrl = (await clickhouse()).url;
    return { redisUrl: redis.url, databaseUrl: database.url, clickhouseUrl };
  };
  const opened = new Set<{ close(): Promise<void> }>();
  let served = 0;

  /** What is closed with the site, the newest first, unless it was before. */
  const closing = <Opened extends object>(parts: Opened, close: () => Promise<void>) => {
    const closable = {
      ...parts,
      async close() {
        if (opened.delete(closable)) await close();
      },
      abandon: () => void opened.delete(closable),
    };
    opened.add(closable);
    return closable;
  };
  const dataDirectory = async (name: string): Promise<string> => {
    const dataDir = join(directory, name);
    if (!existsSync(dataDir)) await fillDataDirectory(dataDir);
    return dataDir;
  };
  const openSiteEngines = async (replica = 0): Promise<Engines> => {
    const dataDir = await dataDirectory(String(replica));
    const config = readConfig({ dataDir, ...(await serverUrls()) }, {});
    return openEngines(config, { clock, logger: silentLogger });
  };

  return {
    clock: time,
    redisUrl: servers?.redis.url,
    clickhouse,
    async openEngines(replica) {
      const engines = await openSiteEngines(replica);
      return closing(engines, () => engines.close());
    },
    async serve(overrides = {}) {
      const dataDir = await dataDirectory(servers === undefined ? "data" : `data-${served}`);
      served += 1;
      const ports = { grpcPort: 0, httpPort: 0 };
      const urls = await serverUrls();
      const options = { dataDir, ...ports, logLevel: "error" as const, ...urls, ...overrides };
      const service = await serveWith(readConfig(options, {}));
      return closing(service, service.close);
    },
    async open({ replica = 0, engines: given, changes = () => ({}) } = {}) {
      const engines = given ?? (await openSiteEngines(replica));
      const telemetry = new PrometheusTelemetry();
      const running = await createBanditService({
        ...testedOptions(engines, join(directory, String(replica))),
        clock,
        telemetry,
        ...changes(engines),
      });
      const metric: Replica["metric"] = async (name, label = "") =>
        sumOfMetric((await telemetry.page()).body, name, label) ?? 0;
      return closing(
        { engines, telemetry, running, service: running.service, metric },
        async () => {
          await running.stop();
          if (given === undefined) await engines.close();
        },
      );
    },
    openQueue(bytesMax = 2 ** 24) {
      const path = mkdtempSync(join(directory, "queue-"));
      const queue = SqliteDiskQueue.open({ directory: path, bytesMax });
      closing({}, () => queue.close());
      return queue;
    },
    async remove() {
      for (const each of [...opened].reverse()) await each.close();
      await servers?.redis.stop();
      await (await front)?.stop();
      await servers?.database.drop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Short intervals, little memory and no optional part. */
function testedOptions(engines: Engines, dataDirectory: string) {
  const { state, catalogue, eventLog, deadLetters, names } = engines;
  return {
    state,
    catalogue,
    eventLog,
    deadLetters,
    entropy: systemEntropy,
    logger: silentLogger,
    userIds: hmacUserIdHasher("0123456789abcdef"),
    info: { version: "test", engines: names, dataDirectory, startedAtMs: 0 },
    storeContent: false,
    autoCreateAgentTypes: false,
    recentDecisionsMax: decisionsRemembered,
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
  } as const satisfies Partial<BanditServiceOptions>;
}
