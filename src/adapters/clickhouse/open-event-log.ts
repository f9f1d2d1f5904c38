import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { BanditError, invariant } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DeadLetterStore } from "../../ports/dead-letters.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { Migrator } from "../../ports/migrator.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { migrationsDirectoryOf } from "../sql-migrator/migration-files.ts";
import { SqlMigrator } from "../sql-migrator/sql-migrator.ts";
import { ChdbProcessConnection } from "./chdb-connection.ts";
import { ClickHouseDeadLetters } from "./clickhouse-dead-letters.ts";
import { ClickHouseEventLog } from "./clickhouse-event-log.ts";
import { ClickHouseMigrations } from "./clickhouse-migrations.ts";

/** All speak through one client; closing the event log closes it. Call `migrator.migrate()` before anything else. */
export interface OpenedEventLog {
  readonly eventLog: EventLog;
  readonly deadLetters: DeadLetterStore;
  readonly migrator: Migrator;
}

interface EventLogOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of every call but queries, which bring their own. Default 30,000. */
  readonly requestTimeoutMs?: number;
  /** Days after which rows are deleted, from 1; absent: never. Applied by `migrate()`. */
  readonly retentionDays?: number;
  /** Where the migrations lie; default: those of this version of the program. */
  readonly migrationsDirectory?: string;
}

const defaultDatabase = "bandit";
const defaultRequestTimeoutMs = 30_000;
/** Below the 3 s of keep-alive that old servers and proxies have, so that no dead connection is used. */
const idleSocketTtlMs = 2_000;

/** Of every client. */
const common = {
  /** What the client would log is in the cause of the error that its caller gets. */
  log: { level: ClickHouseLogLevel.OFF },
  /** Not that of the server, nor, on chDB, of this process: `toDateTime('…')` means the same everywhere. */
  clickhouse_settings: { session_timezone: "UTC" },
} as const;

/**
 * The event log in a directory of this machine. One process at a time.
 * @throws BanditError failed_precondition when another process has it open, or it cannot be written
 */
export async function openChdbEventLog(
  options: EventLogOptions & { readonly directory: string },
): Promise<OpenedEventLog> {
  const path = resolve(options.directory);
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw new BanditError("failed_precondition", `the directory ${path} cannot be made`, {
      reason: "EVENT_LOG_NOT_OPENED",
      cause: error,
    });
  });
  const connection = new ChdbProcessConnection({ path, database: defaultDatabase });
  await connection.open();
  const client = createClient({ ...common, connection });
  // The process creates the database when it opens the directory.
  return assemble({ ...options, client, createDatabase: () => Promise.resolve() });
}

/**
 * The event log on a ClickHouse server, `http(s)://user:password@host:port/database`. Does not connect
 * yet. Without a database in the URL it is `bandit`; it is created when missing.
 */
export function connectClickHouseEventLog(
  options: EventLogOptions & { readonly url: string },
): OpenedEventLog {
  const url = new URL(options.url);
  const database = databaseOf(options.url);
  url.pathname = "";
  const settings = {
    ...common,
    url,
    request_timeout: options.requestTimeoutMs ?? defaultRequestTimeoutMs,
    keep_alive: { enabled: true, idle_socket_ttl: idleSocketTtlMs },
    application: "banditd",
  };
  const createDatabase = async () => {
    const client = createClient({ ...settings, database: "default" });
    try {
      await client.command({ query: `CREATE DATABASE IF NOT EXISTS \`${database}\`` });
    } finally {
      await client.close();
    }
  };
  return assemble({ ...options, client: createClient({ ...settings, database }), createDatabase });
}

/** The database that a URL names. */
export function databaseOf(url: string): string {
  const database = new URL(url).pathname.slice(1) || defaultDatabase;
  invariant(
    /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(database),
    "the configuration has checked the name",
  );
  return database;
}

function assemble(
  options: EventLogOptions & {
    client: ReturnType<typeof createClient>;
    createDatabase: () => Promise<void>;
  },
): OpenedEventLog {
  const { client, clock, logger, retentionDays, createDatabase } = options;
  const requestTimeoutMs = options.requestTimeoutMs ?? defaultRequestTimeoutMs;
  return {
    eventLog: new ClickHouseEventLog({ client, clock, requestTimeoutMs }),
    deadLetters: new ClickHouseDeadLetters({ client, requestTimeoutMs }),
    migrator: new SqlMigrator({
      target: new ClickHouseMigrations({
        client,
        clock,
        logger,
        createDatabase,
        statementTimeoutMs: requestTimeoutMs,
        ...(retentionDays === undefined ? {} : { retentionDays }),
      }),
      directory: options.migrationsDirectory ?? migrationsDirectoryOf("clickhouse"),
      logger,
    }),
  };
}
