/** Brings one engine's schema up to date from numbered SQL files. Forward only. */
export interface Migrator {
  /** `postgres` or `clickhouse`. */
  readonly engine: string;
  /** Every known migration, oldest first. @throws failed_precondition when an applied file was edited or is gone */
  status(): Promise<readonly MigrationStatus[]>;
  /** Applies what is pending, oldest first, and returns those. Safe to run from several processes at once. */
  migrate(): Promise<readonly MigrationStatus[]>;
}

export interface MigrationStatus {
  /** File name without `.sql`, e.g. `0001_create_catalogue`. */
  readonly name: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly checksum: string;
  /** Absent: pending. */
  readonly appliedAtMs?: number;
}
