import { lockDataDirectory } from "../adapters/system/data-directory-lock.ts";
import { pinoLogger } from "../adapters/system/pino-logger.ts";
import { systemClock } from "../adapters/system/system-clock.ts";
import type { MigrationStatus, Migrator } from "../ports/migrator.ts";
import type { ServiceOptions } from "./config.ts";
import { openSchemaEngines, usesDataDirectory } from "./engines.ts";

/** The schemas of the catalogue and of the event log. */
export interface Migrations {
  /** Every migration of both, oldest first. */
  status(): Promise<readonly EngineMigration[]>;
  /** Applies what is pending; returns only what was applied. */
  migrate(): Promise<readonly EngineMigration[]>;
  close(): Promise<void>;
}

export interface EngineMigration extends MigrationStatus {
  readonly engine: string;
}

/** Opens the catalogue and the event log without touching their schemas. @throws BanditError */
export async function openMigrations(options: ServiceOptions): Promise<Migrations> {
  const unlock = usesDataDirectory(options) ? lockDataDirectory(options.dataDir) : () => undefined;
  const logger = pinoLogger(options.logLevel);
  const engines = await openSchemaEngines(options, { clock: systemClock, logger }).catch(
    (error: unknown) => {
      unlock();
      throw error;
    },
  );
  const migrators = [engines.postgres.migrator, engines.events.migrator];
  return {
    status: () => ofEach(migrators, (migrator) => migrator.status()),
    migrate: () => ofEach(migrators, (migrator) => migrator.migrate()),
    async close() {
      await engines.close().finally(unlock);
    },
  };
}

async function ofEach(
  migrators: readonly Migrator[],
  ask: (migrator: Migrator) => Promise<readonly MigrationStatus[]>,
): Promise<EngineMigration[]> {
  const answers = await Promise.all(
    migrators.map(async (migrator) =>
      (await ask(migrator)).map((migration) => ({ engine: migrator.engine, ...migration })),
    ),
  );
  return answers.flat();
}
