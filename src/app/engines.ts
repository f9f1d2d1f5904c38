import { randomUUID } from "node:crypto";
import { join } from "node:path";
import {
  connectClickHouseEventLog,
  type OpenedEventLog,
  openChdbEventLog,
} from "../adapters/clickhouse/open-event-log.ts";
import { BanditError } from "../domain/errors.ts";
import type { Catalogue } from "../ports/catalogue.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeadLetterStore } from "../ports/dead-letters.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { Migrator } from "../ports/migrator.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { ServiceOptions } from "./config.ts";
import { projectRoot } from "./project-root.ts";

/** The three engines a service runs on, and what each is called. */
export interface Engines {
  readonly state: StateStore;
  readonly catalogue: Catalogue;
  readonly eventLog: EventLog;
  readonly deadLetters: DeadLetterStore;
  readonly names: { readonly state: string; readonly catalogue: string; readonly events: string };
  /** Which of them answer within half a second. @param catalogueStale changes of the catalogue cannot be followed. */
  readiness(catalogueStale: boolean): Promise<{ ready: boolean; checks: Record<string, string> }>;
  close(): Promise<void>;
}

/** The catalogue and the event log, which have schemas. */
export interface SchemaEngines {
  readonly catalogue: Catalogue & { readonly migrator: Migrator };
  readonly events: OpenedEventLog;
  close(): Promise<void>;
}

interface Dependencies {
  readonly clock: Clock;
  readonly logger: Logger;
}

type StorageOptions = Pick<
  ServiceOptions,
  "dataDir" | "databaseUrl" | "clickhouseUrl" | "eventRetentionDays" | "onProgress"
>;

/** False when every engine is somebody else's: then several processes may share the directory. */
export function usesDataDirectory(options: ServiceOptions): boolean {
  const { redisUrl, databaseUrl, clickhouseUrl } = options;
  return [redisUrl, databaseUrl, clickhouseUrl].includes(undefined);
}

interface Opening<Engine> {
  readonly opening: Promise<Engine> | Engine;
  close(engine: Engine): Promise<void>;
}

/** Waits for both; when one fails the other is closed again. @throws what the first of them failed with */
async function openBoth<First, Second>(
  first: Opening<First>,
  second: Opening<Second>,
): Promise<readonly [First, Second]> {
  const [one, other] = await Promise.allSettled([first.opening, second.opening]);
  if (one.status === "fulfilled" && other.status === "fulfilled") return [one.value, other.value];
  if (one.status === "fulfilled") await first.close(one.value);
  if (other.status === "fulfilled") await second.close(other.value);
  throw one.status === "rejected" ? one.reason : (other as PromiseRejectedResult).reason;
}

/** Opens the catalogue and the event log, side by side; the schemas are as they were. @throws BanditError */
export async function openSchemaEngines(
  options: StorageOptions,
  { clock, logger }: Dependencies,
): Promise<SchemaEngines> {
  const { clickhouseUrl, dataDir, eventRetentionDays: retentionDays } = options;
  const [catalogue, events] = await openBoth(
    { opening: openCatalogue(options, { clock, logger }), close: (opened) => opened.close() },
    {
      opening:
        clickhouseUrl === undefined
          ? openChdbEventLog({ directory: join(dataDir, "events"), clock, logger, retentionDays })
          : connectClickHouseEventLog({ url: clickhouseUrl, clock, logger, retentionDays }),
      close: (opened) => opened.eventLog.close(),
    },
  );
  return {
    catalogue,
    events,
    async close() {
      await Promise.all([catalogue.close(), events.eventLog.close()]);
    },
  };
}

/** Opens all three engines and brings the schemas up to date. @throws BanditError */
export async function openEngines(
  options: ServiceOptions,
  dependencies: Dependencies,
): Promise<Engines> {
  options.onProgress?.("opening the engines");
  const [state, schemas] = await openBoth(
    { opening: openState(options, dependencies), close: (opened) => opened.close() },
    { opening: openMigrated(options, dependencies), close: (opened) => opened.close() },
  );
  return {
    state,
    catalogue: schemas.catalogue,
    eventLog: schemas.events.eventLog,
    deadLetters: schemas.events.deadLetters,
    names: {
      state: options.redisUrl === undefined ? "LMDB" : "Redis",
      catalogue: options.databaseUrl === undefined ? "PGlite" : "Postgres",
      events: options.clickhouseUrl === undefined ? "chDB" : "ClickHouse",
    },
    async readiness(catalogueStale) {
      const [stateCheck, catalogueCheck, eventsCheck] = await Promise.all(
        [state, schemas.catalogue, schemas.events.eventLog].map(checkOf),
      );
      const checks = {
        state: stateCheck as string,
        catalogue: catalogueStale
          ? "stale: changes cannot be read, the last catalogue stays in force"
          : (catalogueCheck as string),
        events: eventsCheck as string,
      };
      // Decisions need the state store; without the other two the service goes on with what it has.
      return { ready: stateCheck === "ok", checks };
    },
    async close() {
      await Promise.all([state.close(), schemas.close()]);
    },
  };
}

// The engines that are not used are not loaded: their drivers take a good part of the start.

async function openState(
  options: ServiceOptions,
  { clock, logger }: Dependencies,
): Promise<StateStore> {
  if (options.redisUrl === undefined) {
    const { LmdbStateStore } = await import("../adapters/lmdb/lmdb-state-store.ts");
    return LmdbStateStore.open({ directory: join(options.dataDir, "state"), clock, logger });
  }
  const { RedisStateStore } = await import("../adapters/redis/redis-state-store.ts");
  return RedisStateStore.connect({
    url: options.redisUrl,
    cluster: options.redisCluster,
    clock,
    logger,
    consumer: randomUUID(),
  });
}

async function openCatalogue(
  options: StorageOptions,
  { clock, logger }: Dependencies,
): Promise<SchemaEngines["catalogue"]> {
  const migrationsDirectory = join(projectRoot, "migrations/postgres");
  if (options.databaseUrl === undefined) {
    const { EmbeddedCatalogue } = await import("../adapters/postgres/embedded-catalogue.ts");
    const directory = join(options.dataDir, "catalogue");
    return EmbeddedCatalogue.open({ directory, migrationsDirectory, clock, logger });
  }
  const { PostgresCatalogue } = await import("../adapters/postgres/postgres-catalogue.ts");
  const url = options.databaseUrl;
  return PostgresCatalogue.connect({ url, migrationsDirectory, clock, logger });
}

async function openMigrated(
  options: ServiceOptions,
  dependencies: Dependencies,
): Promise<SchemaEngines> {
  const engines = await openSchemaEngines(options, dependencies);
  try {
    const { catalogue, events } = engines;
    await Promise.all([catalogue.migrator.migrate(), events.migrator.migrate()]);
    return engines;
  } catch (error) {
    await engines.close();
    throw error;
  }
}

const checkTimeoutMs = 500;

/** `ok`, or why not. Never waits longer than a probe does: a hung event log must not take the pod out. */
async function checkOf(engine: { ping(): Promise<void> }): Promise<string> {
  const { promise: timedOut, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve(`no answer in ${checkTimeoutMs} ms`), checkTimeoutMs);
  const answered = engine.ping().then(
    () => "ok",
    (error: unknown) =>
      error instanceof BanditError ? `${error.code}: ${error.message}` : "failed: internal error",
  );
  try {
    return await Promise.race([answered, timedOut]);
  } finally {
    clearTimeout(timer);
  }
}
