import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../ports/clock.ts";
import type { Migrator } from "../../ports/migrator.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { PgliteConnection } from "./pglite-connection.ts";
import { PostgresMigrator } from "./postgres-migrator.ts";
import { RevisionSource } from "./revision-source.ts";
import { SqlCatalogue } from "./sql-catalogue.ts";

export interface EmbeddedCatalogueOptions {
  /** A directory of its own; created when it does not exist. One process at a time. */
  readonly directory: string;
  readonly migrationsDirectory: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Longest time for each statement; default 10,000. */
  readonly statementTimeoutMs?: number;
}

/** The catalogue in the data directory: Postgres compiled to WebAssembly, on a thread of its own. */
export class EmbeddedCatalogue extends SqlCatalogue {
  readonly migrator: Migrator;

  private constructor(options: ConstructorParameters<typeof SqlCatalogue>[0], migrator: Migrator) {
    super(options);
    this.migrator = migrator;
  }

  /**
   * Resolves when the database can be used: measured 2 to 3 s at the very first start, 0.3 s later.
   * The caller sees to it that no other process has the directory open: two would destroy it.
   * @throws unavailable when it cannot be opened
   */
  static async open(options: EmbeddedCatalogueOptions): Promise<EmbeddedCatalogue> {
    const { logger, clock, statementTimeoutMs = 10_000 } = options;
    await mkdir(options.directory, { recursive: true });
    const directory = join(options.directory, "pgdata");
    const connection = new PgliteConnection({ directory, statementTimeoutMs });
    await connection.start();
    const migrator = new PostgresMigrator({
      connection,
      directory: options.migrationsDirectory,
      clock,
      logger,
    });
    const revisions = new RevisionSource(logger);
    return new EmbeddedCatalogue({ connection, clock, revisions }, migrator);
  }
}
