import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import {
  connectClickHouseEventLog,
  databaseOf,
  type OpenedEventLog,
  openChdbEventLog,
} from "../adapters/clickhouse/open-event-log.ts";
import { type OpenedPostgres, openPostgres } from "../adapters/postgres/open-postgres.ts";
import type { EventLogClaim } from "../adapters/redis/event-log-claim.ts";
import { embeddedLogId } from "../adapters/system/embedded-log-id.ts";
import { type EventLogGate, gateEventLog } from "../adapters/wrappers/event-log-gate.ts";
import { type LateStateStore, openLateStateStore } from "../adapters/wrappers/late-state-store.ts";
import { KeepTrying, type Problem } from "../concurrency/keep-trying.ts";
import type { BanditError } from "../domain/errors.ts";
import type { Catalogue } from "../ports/catalogue.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeadLetterStore } from "../ports/dead-letters.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import type { ServiceOptions } from "./config.ts";
import { engineRetryMs } from "./engine-retry.ts";
import { outageIn, withinStart } from "./server-outage.ts";
import { atMost, stopBudget } from "./stop-budget.ts";

/**
 * How long a command to Redis may take at least. Calls that somebody waits for are given up at `stateTimeoutMs`, which
 * may be less: work in the background has more time.
 */
const commandTimeoutMsMin = 1_000;

/** The three engines a service runs on, and what each is called. A server that is out of reach now may come later. */
export interface Engines {
  readonly state: StateStore;
  readonly catalogue: Catalogue;
  readonly eventLog: EventLogGate;
  readonly deadLetters: DeadLetterStore;
  readonly names: { readonly state: string; readonly catalogue: string; readonly events: string };
  /** Why the state store was not connected to yet; undefined once it was. */
  stateProblem(): Problem | undefined;
  /** Why the event log's schema is not up to date yet; undefined once it is. */
  eventLogProblem(): Problem | undefined;
  /** What the catalogue server's schema could not be brought up to date for at the start; always `unavailable`. */
  readonly catalogueProblem: BanditError | undefined;
  /** Brings the catalogue's schema up to date. May be repeated. @throws BanditError */
  migrateCatalogue(): Promise<void>;
  /** Each within a bound: one that hangs is given up with a line in the log. */
  close(): Promise<void>;
}

/** Postgres and the event log, which have schemas. */
export interface SchemaEngines {
  readonly postgres: OpenedPostgres;
  readonly events: OpenedEventLog;
  close(): Promise<void>;
}

interface Dependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry?: Telemetry;
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
  open(): Promise<Engine> | Engine;
  close(engine: Engine): Promise<void>;
}

/** Like `Promise.all`; the log has what the other one fails with, before or after this has rejected. */
function both<First, Second>(
  pair: readonly [Promise<First>, Promise<Second>],
  logger: Logger,
): Promise<readonly [First, Second]> {
  let failures = 0;
  for (const one of pair) {
    one.catch((error: unknown) => {
      failures += 1;
      if (failures > 1) logger.error("a second engine cannot be used either", { error });
    });
  }
  return Promise.all(pair);
}

/**
 * Opens both, side by side. When one fails the other is closed again; one that does not open in the time of a stop is
 * not waited for. @throws what the first of them failed with
 */
async function openBoth<First, Second>(
  first: Opening<First>,
  second: Opening<Second>,
  logger: Logger,
): Promise<readonly [First, Second]> {
  const opening = [first, second].map(async ({ open }) => open()) as unknown as readonly [
    Promise<First>,
    Promise<Second>,
  ];
  try {
    return await both(opening, logger);
  } catch (error) {
    const closing = Promise.allSettled([
      opening[0].then((engine) => first.close(engine)),
      opening[1].then((engine) => second.close(engine)),
    ]);
    await atMost(stopBudget.totalMs, () => closing, { what: "engines of a failed start", logger });
    throw error;
  }
}

/** Opens the catalogue and the event log, side by side; the schemas are as they were. @throws BanditError */
export async function openSchemaEngines(
  options: StorageOptions,
  { clock, logger }: Dependencies,
): Promise<SchemaEngines> {
  const { clickhouseUrl, dataDir, eventRetentionDays: retentionDays } = options;
  const [postgres, events] = await openBoth(
    {
      open: () => openCatalogue(options, { clock, logger }),
      close: (opened) => opened.catalogue.close(),
    },
    {
      open: () =>
        clickhouseUrl === undefined
          ? openChdbEventLog({ directory: join(dataDir, "events"), clock, logger, retentionDays })
          : connectClickHouseEventLog({ url: clickhouseUrl, clock, logger, retentionDays }),
      close: (opened) => opened.eventLog.close(),
    },
    logger,
  );
  return {
    postgres,
    events,
    async close() {
      await Promise.all([postgres.catalogue.close(), events.eventLog.close()]);
    },
  };
}

/**
 * Opens all three engines and brings the schemas up to date. A server that is out of reach does not end the
 * start: state store and event log come when they are there, the catalogue's `catalogueProblem` says what it was.
 * @throws BanditError when an embedded engine cannot be opened, or a server is there and cannot be used
 */
export async function openEngines(
  options: ServiceOptions,
  dependencies: Dependencies,
): Promise<Engines> {
  const { logger } = dependencies;
  options.onProgress?.("opening the engines");
  const [state, schemas] = await openBoth(
    { open: () => openState(options, dependencies), close: (opened) => opened.close() },
    { open: () => openMigrated(options, dependencies), close: (opened) => opened.close() },
    logger,
  );
  const { postgres, eventLog, deadLetters, eventMigrations, catalogueProblem } = schemas;
  return {
    state,
    catalogue: postgres.catalogue,
    eventLog,
    deadLetters,
    names: {
      state: options.redisUrl === undefined ? "SQLite" : "Redis",
      catalogue: options.databaseUrl === undefined ? "PGlite" : "Postgres",
      events: options.clickhouseUrl === undefined ? "chDB" : "ClickHouse",
    },
    stateProblem: () => state.problem,
    eventLogProblem: () => eventMigrations.problem,
    catalogueProblem,
    async migrateCatalogue() {
      await postgres.migrator.migrate();
    },
    async close() {
      await Promise.all([
        atMost(stopBudget.engineMs, () => state.close(), { what: "state store", logger }),
        schemas.close(),
      ]);
    },
  };
}

// The engines that are not used are not loaded: their drivers take a good part of the start.

async function openState(
  options: ServiceOptions,
  dependencies: Dependencies,
): Promise<StateStore & Partial<Pick<LateStateStore, "problem">>> {
  const { clock, logger } = dependencies;
  const { redisUrl, redisCluster, takeoverAfterMs: claimIdleMs, stateTimeoutMs } = options;
  if (redisUrl === undefined) {
    const { SqliteStateStore } = await import("../adapters/sqlite/sqlite-state-store.ts");
    const directory = join(options.dataDir, "state");
    return SqliteStateStore.open({ ...dependencies, directory, flush: options.stateFlush });
  }
  const { RedisStateStore } = await import("../adapters/redis/redis-state-store.ts");
  const consumer = randomUUID();
  const eventLog = eventLogClaim(options);
  return openLateStateStore({
    connect: () =>
      RedisStateStore.connect({
        ...dependencies,
        url: redisUrl,
        cluster: redisCluster,
        consumer,
        eventLog,
        claimIdleMs,
        commandTimeoutMs: Math.max(commandTimeoutMsMin, stateTimeoutMs),
      }),
    clock,
    logger,
  });
}

/** Servers may be named in different ways, so of them only the database is compared. */
function eventLogClaim({ clickhouseUrl, dataDir }: ServiceOptions): EventLogClaim {
  if (clickhouseUrl === undefined) {
    const directory = resolve(dataDir, "events");
    const place = `the embedded event log in ${directory} on ${hostname()}`;
    return { id: `embedded:${embeddedLogId(directory)}`, place };
  }
  const database = databaseOf(clickhouseUrl);
  return { id: `server:${database}`, place: `the database ${database} of a ClickHouse server` };
}

async function openCatalogue(
  { databaseUrl, dataDir }: StorageOptions,
  { clock, logger }: Dependencies,
): Promise<OpenedPostgres> {
  const place =
    databaseUrl === undefined ? { directory: join(dataDir, "catalogue") } : { url: databaseUrl };
  return openPostgres({ place, clock, logger });
}

interface MigratedEngines {
  readonly postgres: OpenedPostgres;
  readonly catalogueProblem: BanditError | undefined;
  readonly eventLog: EventLogGate;
  readonly deadLetters: DeadLetterStore;
  readonly eventMigrations: KeepTrying;
  /** Each within a bound. */
  close(): Promise<void>;
}

async function openMigrated(
  options: ServiceOptions,
  dependencies: Dependencies,
): Promise<MigratedEngines> {
  const { logger } = dependencies;
  const engines = await openSchemaEngines(options, dependencies);
  const { postgres, events } = engines;
  const eventLog = gateEventLog(events.eventLog);
  const migrateEvents = async (): Promise<void> => {
    await events.migrator.migrate();
    eventLog.open();
  };
  const eventMigrations = new KeepTrying({
    ...dependencies,
    what: "migrations of the event log",
    work: migrateEvents,
    pauseMs: engineRetryMs,
  });
  const close = async (): Promise<void> => {
    eventMigrations.stop();
    await Promise.all([
      atMost(stopBudget.engineMs, () => postgres.catalogue.close(), { what: "catalogue", logger }),
      atMost(stopBudget.engineMs, () => eventLog.close(), { what: "event log", logger }),
    ]);
  };
  try {
    const migrations = [
      outageIn(postgres.migrator.migrate(), options.databaseUrl !== undefined),
      outageIn(
        options.clickhouseUrl === undefined ? migrateEvents() : withinStart(migrateEvents()),
        options.clickhouseUrl !== undefined,
      ),
    ] as const;
    const [catalogueProblem, eventsProblem] = await both(migrations, logger);
    if (eventsProblem !== undefined) eventMigrations.start(eventsProblem);
    const { deadLetters } = events;
    return { postgres, catalogueProblem, eventLog, deadLetters, eventMigrations, close };
  } catch (error) {
    await close();
    throw error;
  }
}
