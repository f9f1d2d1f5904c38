export type SqlValue = string | number | boolean | null;

/** Column name → value, as both drivers give it: text, float8 and int4, boolean, parsed jsonb, null. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Rejects with a BanditError; SQLSTATEs are translated by `sql-errors.ts`. */
export interface SqlExecutor {
  /** One statement with `$1`, `$2`, … */
  query(text: string, params?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** Any number of statements without parameters. */
  script(text: string): Promise<void>;
}

/** The little that the catalogue needs of a database, so that its SQL is written once. */
export interface SqlConnection {
  /** Commits when `work` resolves, unless `isKept` says otherwise; rolls back when it rejects. */
  transaction<T>(
    work: (transaction: SqlExecutor) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>;
  /** One statement in a transaction of its own. */
  query(text: string, options?: { timeoutMs?: number }): Promise<readonly SqlRow[]>;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface TransactionOptions {
  /** All statements see the same state, and none may write. */
  readonly snapshot?: boolean;
  /** Longest time for each statement; absent: the connection's own limit. */
  readonly statementTimeoutMs?: number;
  /** Asked when the work is done. Absent: it is kept. */
  readonly isKept?: () => boolean;
}

export function endStatement(options: TransactionOptions | undefined): string {
  return options?.isKept?.() === false ? "ROLLBACK" : "COMMIT";
}

export function beginStatement(options: TransactionOptions | undefined): string {
  return options?.snapshot === true ? "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" : "BEGIN";
}
