import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { MigrationStatus, Migrator } from "../../ports/migrator.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { type MigrationFile, readMigrationFiles } from "./migration-files.ts";
import type { SqlConnection, SqlExecutor } from "./sql-connection.ts";

export interface PostgresMigratorOptions {
  readonly connection: SqlConnection;
  /** Where `NNNN_verb_noun.sql` lie. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface AppliedMigration {
  readonly checksum: string;
  readonly appliedAtMs: number;
}

/** Any fixed number: processes that migrate one database wait for each other by it. */
const lockKey = 7_022_613_801;
const statementTimeoutMs = 300_000;

/**
 * Numbered SQL files, each in one transaction with the row that says it was applied. The row comes
 * first: where the lock does not hold (a connection pooler, a second tool), a race ends as a duplicate
 * key before anything is changed.
 */
export class PostgresMigrator implements Migrator {
  readonly engine = "postgres";
  readonly #options: PostgresMigratorOptions;

  constructor(options: PostgresMigratorOptions) {
    this.#options = options;
  }

  async status(): Promise<readonly MigrationStatus[]> {
    const files = await readMigrationFiles(this.#options.directory);
    const applied = await this.#options.connection.transaction(readApplied);
    return compare(files, applied);
  }

  async migrate(): Promise<readonly MigrationStatus[]> {
    const files = await readMigrationFiles(this.#options.directory);
    const done: MigrationStatus[] = [];
    for (;;) {
      const next = await this.#applyNext(files);
      if (next === undefined) return done;
      done.push(next);
      this.#options.logger.info("applied a migration", { engine: this.engine, name: next.name });
    }
  }

  #applyNext(files: readonly MigrationFile[]): Promise<MigrationStatus | undefined> {
    const { connection, clock } = this.#options;
    return connection.transaction(
      async (executor) => {
        await executor.query(`SELECT pg_advisory_xact_lock(${lockKey})`);
        const statuses = compare(files, await readApplied(executor));
        const pending = statuses.find(({ appliedAtMs }) => appliedAtMs === undefined);
        const file = files.find(({ name }) => name === pending?.name);
        if (file === undefined) return undefined;
        const appliedAtMs = clock.nowMs();
        await executor.script(migrationTable);
        await executor.query(
          `INSERT INTO schema_migration (name, checksum, applied_at)
           VALUES ($1, $2, to_timestamp($3::float8 / 1000))`,
          [file.name, file.checksum, appliedAtMs],
        );
        await executor.script(file.sql);
        return { name: file.name, checksum: file.checksum, appliedAtMs };
      },
      { statementTimeoutMs },
    );
  }
}

const migrationTable = `
  CREATE TABLE IF NOT EXISTS schema_migration (
    name text PRIMARY KEY,
    checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
    applied_at timestamptz NOT NULL
  );
  COMMENT ON TABLE schema_migration IS 'Migrations that were applied; written by banditd migrate.';
  COMMENT ON COLUMN schema_migration.name IS 'File name without .sql.';
  COMMENT ON COLUMN schema_migration.checksum IS 'SHA-256 of the file as it was applied, hexadecimal.';
  COMMENT ON COLUMN schema_migration.applied_at IS 'Time of application.';`;

async function readApplied(executor: SqlExecutor): Promise<Map<string, AppliedMigration>> {
  const [table] = await executor.query(
    "SELECT to_regclass('schema_migration') IS NOT NULL AS present",
  );
  if (table?.["present"] !== true) return new Map();
  const rows = await executor.query(
    `SELECT name, checksum, round(extract(epoch FROM applied_at) * 1000)::float8 AS applied_at_ms
       FROM schema_migration ORDER BY name COLLATE "C"`,
  );
  return new Map(
    rows.map((row) => [
      String(row["name"]),
      { checksum: String(row["checksum"]), appliedAtMs: Number(row["applied_at_ms"]) },
    ]),
  );
}

function compare(
  files: readonly MigrationFile[],
  applied: ReadonlyMap<string, AppliedMigration>,
): readonly MigrationStatus[] {
  const known = new Set(files.map(({ name }) => name));
  const gone = [...applied.keys()].find((name) => !known.has(name));
  if (gone !== undefined) {
    throw new BanditError(
      "failed_precondition",
      `migration ${gone} was applied to this database but its file is gone: is this an older version of the program?`,
      { reason: "MIGRATION_MISSING", metadata: { name: gone } },
    );
  }
  return files.map(({ name, checksum }) => {
    const row = applied.get(name);
    if (row === undefined) return { name, checksum };
    if (row.checksum !== checksum) {
      throw new BanditError(
        "failed_precondition",
        `migration ${name} was edited after it was applied: restore it and write a new one`,
        { reason: "MIGRATION_EDITED", metadata: { name } },
      );
    }
    return { name, checksum, appliedAtMs: row.appliedAtMs };
  });
}
