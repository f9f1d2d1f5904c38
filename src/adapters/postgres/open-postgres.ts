import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BanditError } from "../../domain/errors.ts";
import type { Catalogue } from "../../ports/catalogue.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Migrator } from "../../ports/migrator.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { migrationsDirectoryOf } from "../sql-migrator/migration-files.ts";
import { SqlMigrator } from "../sql-migrator/sql-migrator.ts";
import { PostgresMigrations } from "./postgres-migrations.ts";
import { RevisionPoller } from "./revision-poller.ts";
import { RevisionSource } from "./revision-source.ts";
import { SqlCatalogue } from "./sql-catalogue.ts";
import type { SqlConnection } from "./sql-connection.ts";

/** All speak through one connection; closing the catalogue closes it. */
export interface OpenedPostgres {
  readonly catalogue: Catalogue;
  readonly migrator: Migrator;
}

export interface PostgresOptions {
  /**
   * A server, version 15 or newer: `postgres://user:password@host:port/database`. Or a directory of this machine, made
   * when it does not exist: Postgres compiled to WebAssembly, on a thread of its own. Two processes in one directory
   * would destroy it; the caller sees to it that there is one.
   */
  readonly place: { readonly url: string } | { readonly directory: string };
  readonly clock: Clock;
  readonly logger: Logger;
  /** Longest time to get a connection, and for each statement; default 2000 for a server, 10,000 for a directory. */
  readonly statementTimeoutMs?: number;
  /** How often a server is asked for the revision while somebody listens to changes; default 250. */
  readonly pollIntervalMs?: number;
  /** Where the migrations lie; default: those of this version of the program. */
  readonly migrationsDirectory?: string;
}

/**
 * Does no I/O for a server, which may be down now and come later: until then calls reject with `unavailable`. A
 * directory can be used when it resolves: measured 2 to 3 s at the very first start, 0.3 s later.
 * @throws BanditError invalid_argument for a URL, failed_precondition for a directory that cannot be used
 */
export async function openPostgres(options: PostgresOptions): Promise<OpenedPostgres> {
  const { clock, logger, pollIntervalMs: intervalMs = 250 } = options;
  const isServer = "url" in options.place;
  const connection = await openConnection(options);
  const revisions = isServer
    ? new RevisionPoller({ connection, logger, clock, intervalMs })
    : new RevisionSource(logger);
  return {
    catalogue: new SqlCatalogue({ connection, clock, revisions }),
    migrator: new SqlMigrator({
      target: new PostgresMigrations({ connection, clock }),
      directory: options.migrationsDirectory ?? migrationsDirectoryOf("postgres"),
      logger,
    }),
  };
}

/** Loads only the driver that is used. */
async function openConnection(options: PostgresOptions): Promise<SqlConnection> {
  const { place, logger } = options;
  if ("url" in place) {
    const { PgConnection } = await import("./pg-connection.ts");
    const { statementTimeoutMs = 2_000 } = options;
    return new PgConnection({ url: place.url, statementTimeoutMs, logger });
  }
  const { PgliteConnection } = await import("./pglite-connection.ts");
  const { statementTimeoutMs = 10_000 } = options;
  const directory = join(place.directory, "pgdata");
  const connection = new PgliteConnection({ directory, statementTimeoutMs });
  try {
    await mkdir(place.directory, { recursive: true });
    await connection.start();
    return connection;
  } catch (cause) {
    throw new BanditError(
      "failed_precondition",
      `the embedded catalogue in ${place.directory} cannot be opened`,
      { reason: "CATALOGUE_NOT_OPENED", cause },
    );
  }
}
