import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { MigrationStatus } from "../../ports/migrator.ts";
import type { MigrationFile } from "../sql-migrator/migration-files.ts";
import {
  type AppliedMigrations,
  type MigrationTarget,
  migrationRefused,
} from "../sql-migrator/sql-migrator.ts";
import type { SqlConnection, SqlExecutor } from "./sql-connection.ts";

/** Any fixed number: processes that migrate one database wait for each other by it. */
const lockKey = 7_022_613_801;
const statementTimeoutMs = 300_000;

/**
 * Each file in one transaction with the row that says it was applied. The row comes first: where the lock
 * does not hold (a connection pooler, a second tool), a race ends as a duplicate key before anything is changed.
 */
export class PostgresMigrations implements MigrationTarget {
  readonly engine = "postgres";
  readonly #connection: SqlConnection;
  readonly #clock: Clock;

  constructor(options: { readonly connection: SqlConnection; readonly clock: Clock }) {
    this.#connection = options.connection;
    this.#clock = options.clock;
  }

  readApplied(): Promise<AppliedMigrations> {
    return this.#connection.transaction(readApplied);
  }

  async applyNext(
    choose: (applied: AppliedMigrations) => MigrationFile | undefined,
  ): Promise<MigrationStatus | undefined> {
    return this.#connection.transaction(
      async (executor) => {
        await executor.query(`SELECT pg_advisory_xact_lock(${lockKey})`);
        const file = choose(await readApplied(executor));
        if (file === undefined) return undefined;
        const { name, checksum } = file;
        const appliedAtMs = this.#clock.nowMs();
        try {
          await executor.script(migrationTable);
          await executor.query(
            `INSERT INTO schema_migration (name, checksum, applied_at)
             VALUES ($1, $2, to_timestamp($3::float8 / 1000))`,
            [name, checksum, appliedAtMs],
          );
          await executor.script(file.sql);
        } catch (error) {
          throw migrationError(error);
        }
        return { name, checksum, appliedAtMs };
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

async function readApplied(executor: SqlExecutor): Promise<AppliedMigrations> {
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

/** Waiting helps against a server that is away or busy, not against one that says no. */
function migrationError(error: unknown): BanditError {
  const isOutage = error instanceof BanditError && ["unavailable", "aborted"].includes(error.code);
  if (isOutage && error.reason !== "CATALOGUE_ACCESS_DENIED") return error;
  const { cause = error } = error instanceof BanditError ? error : {};
  const why = cause instanceof Error ? cause.message : String(cause);
  return migrationRefused("postgres", { why, cause });
}
