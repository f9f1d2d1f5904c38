import type { Clock } from "../../ports/clock.ts";
import type { Migrator } from "../../ports/migrator.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { PgConnection } from "./pg-connection.ts";
import { PostgresMigrator } from "./postgres-migrator.ts";
import { RevisionPoller } from "./revision-poller.ts";
import { SqlCatalogue } from "./sql-catalogue.ts";

export interface PostgresCatalogueOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  readonly migrationsDirectory: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How often the revision is asked for while somebody listens to changes; default 250. */
  readonly pollIntervalMs?: number;
  /** Longest time to get a connection, and for each statement; default 2000. */
  readonly statementTimeoutMs?: number;
}

/** The catalogue on a Postgres server, version 15 or newer. */
export class PostgresCatalogue extends SqlCatalogue {
  readonly migrator: Migrator;

  private constructor(options: ConstructorParameters<typeof SqlCatalogue>[0], migrator: Migrator) {
    super(options);
    this.migrator = migrator;
  }

  /** Does no I/O: the server may be down now and come later; until then calls reject with `unavailable`. */
  static connect(options: PostgresCatalogueOptions): PostgresCatalogue {
    const { url, logger, clock, statementTimeoutMs = 2000, pollIntervalMs = 250 } = options;
    const connection = new PgConnection({ url, statementTimeoutMs, logger });
    const revisions = new RevisionPoller({
      connection,
      logger,
      clock,
      intervalMs: pollIntervalMs,
    });
    const directory = options.migrationsDirectory;
    const migrator = new PostgresMigrator({ connection, directory, clock, logger });
    return new PostgresCatalogue({ connection, clock, revisions }, migrator);
  }
}
