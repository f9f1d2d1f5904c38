import { BanditError } from "../../domain/errors.ts";
import type { MigrationStatus, Migrator } from "../../ports/migrator.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { type MigrationFile, readMigrationFiles } from "./migration-files.ts";

/** What the engine remembers of a file that it was given. */
export interface AppliedMigration {
  readonly checksum: string;
  readonly appliedAtMs: number;
}

/** By name. */
export type AppliedMigrations = ReadonlyMap<string, AppliedMigration>;

/** What an engine has to be able to do to be migrated. Rejects with a BanditError. */
export interface MigrationTarget {
  readonly engine: "postgres" | "clickhouse";
  /** Empty where nothing was ever applied. */
  readApplied(): Promise<AppliedMigrations>;
  /**
   * Reads what was applied, applies the file that `choose` picks by it, and remembers that file. Where the engine has a
   * lock, all of it happens under the lock.
   * @returns undefined when `choose` picks none
   */
  applyNext(
    choose: (applied: AppliedMigrations) => MigrationFile | undefined,
  ): Promise<MigrationStatus | undefined>;
}

export interface SqlMigratorOptions {
  readonly target: MigrationTarget;
  /** Where the `NNNN_verb_noun.sql` lie. */
  readonly directory: string;
  readonly logger: Logger;
}

/** Numbered SQL files, each applied once, in their order. How one is applied is the engine's business. */
export class SqlMigrator implements Migrator {
  readonly #options: SqlMigratorOptions;

  constructor(options: SqlMigratorOptions) {
    this.#options = options;
  }

  get engine(): string {
    return this.#options.target.engine;
  }

  async status(): Promise<readonly MigrationStatus[]> {
    const { target, directory } = this.#options;
    const files = await readMigrationFiles(directory);
    const applied = await target.readApplied();
    requireUnchanged(files, applied, this.engine);
    return files.map(({ name, checksum }) => ({ name, checksum, ...applied.get(name) }));
  }

  async migrate(): Promise<readonly MigrationStatus[]> {
    const { target, directory, logger } = this.#options;
    const files = await readMigrationFiles(directory);
    const done: MigrationStatus[] = [];
    for (;;) {
      const next = await target.applyNext((applied) => {
        requireUnchanged(files, applied, this.engine);
        // A replica that lags may not show yet what was applied a moment ago.
        return files.find(({ name }) => !applied.has(name) && !done.some((it) => it.name === name));
      });
      if (next === undefined) return done;
      done.push(next);
      logger.info("applied a migration", { engine: this.engine, name: next.name });
    }
  }
}

function requireUnchanged(
  files: readonly MigrationFile[],
  applied: AppliedMigrations,
  engine: string,
): void {
  const checksums = new Map(files.map(({ name, checksum }) => [name, checksum]));
  for (const [name, { checksum }] of applied) {
    const known = checksums.get(name);
    if (known === checksum) continue;
    const metadata = { engine, name };
    throw known === undefined
      ? new BanditError(
          "failed_precondition",
          `the ${engine} migration ${name} was applied and its file is gone: is this an older version of the program?`,
          { reason: "MIGRATION_MISSING", metadata },
        )
      : new BanditError(
          "failed_precondition",
          `the ${engine} migration ${name} was edited after it was applied: restore it and write a new one`,
          { reason: "MIGRATION_EDITED", metadata },
        );
  }
}

/** The engine is there and refuses a statement of a migration; waiting does not help. `why`: in the engine's words. */
export function migrationRefused(
  engine: string,
  { why, cause }: { readonly why: string; readonly cause: unknown },
): BanditError {
  return new BanditError("failed_precondition", `${engine} refuses a migration: ${why}`, {
    reason: "MIGRATION_REFUSED",
    metadata: { engine },
    cause,
  });
}
