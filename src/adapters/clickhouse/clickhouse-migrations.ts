import type { ClickHouseClient } from "@clickhouse/client";
import { invariant } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { MigrationStatus } from "../../ports/migrator.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { MigrationFile } from "../sql-migrator/migration-files.ts";
import type {
  AppliedMigration,
  AppliedMigrations,
  MigrationTarget,
} from "../sql-migrator/sql-migrator.ts";
import { isSchemaMissing, migrationError } from "./clickhouse-errors.ts";

export interface ClickHouseMigrationsOptions {
  readonly client: ClickHouseClient;
  /** Creates the database; called when the schema is not there yet. */
  readonly createDatabase: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Per statement. */
  readonly statementTimeoutMs: number;
  /** Days after the decision, or a dead letter's last failure, at which rows are deleted; absent: never. */
  readonly retentionDays?: number;
}

/** Tables whose rows are kept for a while, and the column that they age by. */
const agingColumns = new Map([
  ["decisions", "decided_at"],
  ["generations", "decided_at"],
  ["outcomes", "decided_at"],
  ["dead_letters", "failed_at"],
]);

interface SchemaState {
  readonly applied: AppliedMigrations;
  /** Of each table that ages; undefined: rows are kept for ever. */
  readonly retentionDays: ReadonlyMap<string, number | undefined>;
}

/**
 * ClickHouse has no transactions and no locks for us, so safety comes from the statements: each can be
 * repeated (IF NOT EXISTS, CREATE OR REPLACE), a file's row is written after its last statement, and
 * two processes that migrate at once do the same work twice with the same result.
 */
export class ClickHouseMigrations implements MigrationTarget {
  readonly engine = "clickhouse";
  readonly #options: ClickHouseMigrationsOptions;

  constructor(options: ClickHouseMigrationsOptions) {
    const { retentionDays } = options;
    invariant(
      retentionDays === undefined || (Number.isInteger(retentionDays) && retentionDays >= 1),
      "retentionDays is a whole number from 1",
    );
    this.#options = options;
  }

  async readApplied(): Promise<AppliedMigrations> {
    return (await this.#findState())?.applied ?? new Map();
  }

  /** Sets the retention of the tables where it differs when no file is chosen; one query when it does not. */
  async applyNext(
    choose: (applied: AppliedMigrations) => MigrationFile | undefined,
  ): Promise<MigrationStatus | undefined> {
    const state = await this.#findState();
    const file = choose(state?.applied ?? new Map<string, AppliedMigration>());
    if (file === undefined) {
      await this.#setRetention(state);
      return undefined;
    }
    if (state === undefined) await this.#createHistory();
    for (const statement of splitStatements(file.sql)) await this.#command(statement);
    const { name, checksum } = file;
    const appliedAtMs = this.#options.clock.nowMs();
    await this.#command(
      `INSERT INTO schema_migration (name, checksum, applied_at) VALUES ({name: String}, {checksum: String}, fromUnixTimestamp64Milli({appliedAtMs: Int64}))`,
      { name, checksum, appliedAtMs },
    );
    return { name, checksum, appliedAtMs };
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

/** A statement ends with a semicolon at the end of a line, so comments and texts may hold others. */
export function splitStatements(text: string): readonly string[] {
  return text
    .split(/;[ \t]*(?:\r?\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replaceAll(/^--.*$/gm, "").trim() !== "");
}
