import type { ClickHouseClient } from "@clickhouse/client";
import { BanditError, invariant } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { MigrationStatus, Migrator } from "../../ports/migrator.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { isSchemaMissing, migrationError } from "./clickhouse-errors.ts";
import { type MigrationFile, readMigrationFiles } from "./migration-file.ts";

export interface ClickHouseMigratorOptions {
  readonly client: ClickHouseClient;
  /** Creates the database; called when the schema is not there yet. */
  readonly createDatabase: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Per statement. */
  readonly statementTimeoutMs: number;
  /** Days after the decision, or a dead letter's last failure, at which rows are deleted; absent: never. */
  readonly retentionDays?: number;
  /** Ends with a slash. */
  readonly directory?: URL;
}

/** Tables whose rows are kept for a while, and the column that they age by. */
const agingColumns = new Map([
  ["decisions", "decided_at"],
  ["generations", "decided_at"],
  ["outcomes", "decided_at"],
  ["dead_letters", "failed_at"],
]);

interface Applied {
  readonly checksum: string;
  readonly appliedAtMs: number;
}

interface SchemaState {
  readonly applied: ReadonlyMap<string, Applied>;
  /** Of each table that ages; undefined: rows are kept for ever. */
  readonly retentionDays: ReadonlyMap<string, number | undefined>;
}

/**
 * ClickHouse has no transactions and no locks for us, so safety comes from the statements: each can be
 * repeated (IF NOT EXISTS, CREATE OR REPLACE), a file's row is written after its last statement, and
 * two processes that migrate at once do the same work twice with the same result.
 */
export class ClickHouseMigrator implements Migrator {
  readonly engine = "clickhouse";
  readonly #options: ClickHouseMigratorOptions;
  readonly #directory: URL;

  constructor(options: ClickHouseMigratorOptions) {
    const { retentionDays } = options;
    invariant(
      retentionDays === undefined || (Number.isInteger(retentionDays) && retentionDays >= 1),
      "retentionDays is a whole number from 1",
    );
    this.#options = options;
    this.#directory =
      options.directory ?? new URL("../../../migrations/clickhouse/", import.meta.url);
  }

  async status(): Promise<readonly MigrationStatus[]> {
    const [files, state] = await Promise.all([
      readMigrationFiles(this.#directory),
      this.#findState(),
    ]);
    const applied = state?.applied ?? new Map<string, Applied>();
    requireUnchanged(files, applied);
    return files.map((file) => statusOf(file, applied.get(file.name)?.appliedAtMs));
  }

  /** Also sets the retention of the tables where it differs. One query when there is nothing to do. */
  async migrate(): Promise<readonly MigrationStatus[]> {
    const files = await readMigrationFiles(this.#directory);
    let state = await this.#findState();
    if (state === undefined) await this.#createHistory();
    const applied = state?.applied ?? new Map<string, Applied>();
    requireUnchanged(files, applied);
    const done: MigrationStatus[] = [];
    for (const file of files.filter(({ name }) => !applied.has(name))) {
      done.push(await this.#apply(file));
    }
    if (done.length > 0) state = await this.#findState();
    await this.#setRetention(state);
    return done;
  }

  async #apply(file: MigrationFile): Promise<MigrationStatus> {
    for (const statement of file.statements) await this.#command(statement);
    const appliedAtMs = this.#options.clock.nowMs();
    await this.#command(
      `INSERT INTO schema_migration (name, checksum, applied_at) VALUES ({name: String}, {checksum: String}, fromUnixTimestamp64Milli({appliedAtMs: Int64}))`,
      { name: file.name, checksum: file.checksum, appliedAtMs },
    );
    this.#options.logger.info("applied a migration of the event log", { migration: file.name });
    return statusOf(file, appliedAtMs);
  }

  async #createHistory(): Promise<void> {
    try {
      await this.#options.createDatabase();
    } catch (error) {
      throw migrationError(error);
    }
    await this.#command(`
      CREATE TABLE IF NOT EXISTS schema_migration
      (
          name String COMMENT 'File name of the migration without .sql',
          checksum String COMMENT 'SHA-256 of the file when it was applied',
          applied_at DateTime64(3, 'UTC') COMMENT 'When its last statement was done'
      )
      ENGINE = MergeTree ORDER BY name
      COMMENT 'Migrations that were applied to this database'`);
  }

  /** Undefined: nothing was ever applied here. */
  async #findState(): Promise<SchemaState | undefined> {
    const aging = [...agingColumns.keys()].map((table) => `'${table}'`).join(", ");
    try {
      const result = await this.#options.client.query({
        // Two processes may have applied one file; the first one counts.
        query: `
          SELECT 'migration' AS kind, name, argMin(checksum, applied_at) AS text,
                 toUnixTimestamp64Milli(min(applied_at)) AS at
          FROM schema_migration GROUP BY name
          UNION ALL
          SELECT 'table', name, extract(create_table_query, 'TTL toDateTime\\\\([a-z_]+\\\\) \\\\+ toIntervalDay\\\\((\\\\d+)\\\\)'), 0
          FROM system.tables WHERE database = currentDatabase() AND name IN (${aging})`,
        format: "JSONEachRow",
        clickhouse_settings: { wait_end_of_query: 1 },
        abort_signal: AbortSignal.timeout(this.#options.statementTimeoutMs),
      });
      const rows = await result.json<{ kind: string; name: string; text: string; at: string }>();
      const migrations = rows.filter(({ kind }) => kind === "migration");
      const tables = rows.filter(({ kind }) => kind === "table");
      return {
        applied: new Map(
          migrations.map(({ name, text, at }) => [
            name,
            { checksum: text, appliedAtMs: Number(at) },
          ]),
        ),
        retentionDays: new Map(
          tables.map(({ name, text }) => [name, text === "" ? undefined : Number(text)]),
        ),
      };
    } catch (error) {
      if (isSchemaMissing(error)) return undefined;
      throw migrationError(error);
    }
  }

  async #setRetention(state: SchemaState | undefined): Promise<void> {
    const wanted = this.#options.retentionDays;
    for (const [table, days] of state?.retentionDays ?? []) {
      if (days === wanted) continue;
      await this.#command(
        wanted === undefined
          ? `ALTER TABLE ${table} REMOVE TTL`
          : `ALTER TABLE ${table} MODIFY TTL toDateTime(${agingColumns.get(table)}) + toIntervalDay(${wanted})`,
      );
      this.#options.logger.info("changed the retention of the event log", {
        table,
        fromDays: days,
        toDays: wanted,
      });
    }
  }

  async #command(sql: string, parameters: Record<string, unknown> = {}): Promise<void> {
    try {
      await this.#options.client.command({
        query: sql,
        query_params: parameters,
        clickhouse_settings: { wait_end_of_query: 1 },
        abort_signal: AbortSignal.timeout(this.#options.statementTimeoutMs),
      });
    } catch (error) {
      throw migrationError(error);
    }
  }
}

function statusOf(file: MigrationFile, appliedAtMs: number | undefined): MigrationStatus {
  const { name, checksum } = file;
  return appliedAtMs === undefined ? { name, checksum } : { name, checksum, appliedAtMs };
}

/** @throws BanditError failed_precondition */
function requireUnchanged(
  files: readonly MigrationFile[],
  applied: ReadonlyMap<string, Applied>,
): void {
  const known = new Map(files.map((file) => [file.name, file.checksum]));
  for (const [name, { checksum }] of applied) {
    if (known.get(name) === checksum) continue;
    const gone = !known.has(name);
    throw new BanditError(
      "failed_precondition",
      gone
        ? `the event log has the migration ${name}, which this version does not know; a newer version was here`
        : `the migration ${name} was changed after it was applied; add a new file instead`,
      { reason: gone ? "MIGRATION_GONE" : "MIGRATION_CHANGED" },
    );
  }
}
