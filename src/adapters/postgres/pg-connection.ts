import pg from "pg";
import { withTimeout } from "../../concurrency/in-time.ts";
import { BanditError } from "../../domain/errors.ts";
import type { Logger } from "../../ports/telemetry.ts";
import {
  beginStatement,
  endStatement,
  type SqlConnection,
  type SqlExecutor,
  type SqlRow,
  type TransactionOptions,
} from "./sql-connection.ts";
import { isReadOnly, translateSqlError, unavailable } from "./sql-errors.ts";

export interface PgConnectionOptions {
  readonly url: string;
  /** Longest time to get a connection, and for each statement. */
  readonly statementTimeoutMs: number;
  readonly logger: Logger;
}

const connectionsMax = 4;
const transactionIdleMs = 10_000;

/** A pool of connections to a Postgres server. Connects when first used, and again after every loss. */
export class PgConnection implements SqlConnection {
  readonly #pool: pg.Pool;
  readonly #statementTimeoutMs: number;
  #closing: Promise<void> | undefined;

  /** Does not connect. @throws BanditError invalid_argument for an option of the URL that cannot be used */
  constructor(options: PgConnectionOptions) {
    this.#statementTimeoutMs = options.statementTimeoutMs;
    requireUsableUrl(options.url);
    this.#pool = new pg.Pool({
      connectionString: options.url,
      max: connectionsMax,
      connectionTimeoutMillis: options.statementTimeoutMs,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      application_name: "banditd",
    });
    // A connection that is lost while nobody waits for its answer has nowhere else to say so; without
    // a listener Node ends the process.
    const onLost = (error: Error): void => {
      options.logger.debug("a connection to Postgres was lost", { error: error.message });
    };
    this.#pool.on("error", onLost);
    this.#pool.on("connect", (client) => client.on("error", onLost));
  }

  async query(text: string, options?: { timeoutMs?: number }): Promise<readonly SqlRow[]> {
    const timeoutMs = options?.timeoutMs ?? this.#statementTimeoutMs;
    const client = await this.#connect(timeoutMs);
    return this.#using(client, () => run(client, { text, values: [], timeoutMs }));
  }

  async transaction<T>(
    work: (transaction: SqlExecutor) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    const timeoutMs = options?.statementTimeoutMs ?? this.#statementTimeoutMs;
    const client = await this.#connect(this.#statementTimeoutMs);
    const execute = (text: string, values: unknown[]): Promise<readonly SqlRow[]> =>
      run(client, { text, values, timeoutMs });
    return this.#using(client, async () => {
      // The server gives up a little before this side does, so that a slow statement ends there too.
      // A process that hangs in mid-transaction must not hold the revision's lock against the others.
      // Set here and not for the connection: poolers refuse settings at connection time.
      const settings = `SET LOCAL statement_timeout = ${timeoutMs};
        SET LOCAL idle_in_transaction_session_timeout = ${transactionIdleMs}`;
      await execute(`${beginStatement(options)}; ${settings}`, []);
      const result = await work({
        query: (text, params) => execute(text, [...(params ?? [])]),
        script: async (text) => {
          await execute(text, []);
        },
      });
      await execute(endStatement(options), []);
      return result;
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#pool.end();
    return this.#closing;
  }

  async #connect(timeoutMs: number): Promise<pg.PoolClient> {
    if (this.#closing !== undefined) throw unavailable(new Error("the catalogue is closed"));
    const connecting = this.#pool.connect();
    try {
      return await withTimeout(connecting, timeoutMs, () => {
        throw new Error(`no connection within ${timeoutMs} ms`);
      });
    } catch (error) {
      connecting.then(
        (client) => client.release(),
        () => undefined, // thrown above, or too late to matter
      );
      throw translateSqlError(error);
    }
  }

  /** Gives the connection back only when it is known to be clean. */
  async #using<T>(client: pg.PoolClient, work: () => Promise<T>): Promise<T> {
    let clean = false;
    try {
      const result = await work();
      clean = true;
      return result;
    } catch (error) {
      clean = !isReadOnly(error) && (await rolledBack(client));
      throw error;
    } finally {
      client.release(!clean);
    }
  }
}

/** The driver reads the URL, and the certificates that its options name, for each connection. */
function requireUsableUrl(url: string): void {
  try {
    new pg.Client({ connectionString: url });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BanditError("invalid_argument", `DATABASE_URL cannot be used: ${why}`, {
      reason: "INVALID_CONFIGURATION",
    });
  }
}

interface Statement {
  readonly text: string;
  readonly values: unknown[];
  readonly timeoutMs: number;
}

/** Time that the server's own limit gets before the connection counts as lost. */
const graceMs = 250;

async function run(client: pg.PoolClient, statement: Statement): Promise<readonly SqlRow[]> {
  const { text, values, timeoutMs } = statement;
  const config = { text, query_timeout: timeoutMs + graceMs };
  try {
    const result = await client.query<SqlRow>(values.length === 0 ? config : { ...config, values });
    return Array.isArray(result) ? [] : result.rows; // several statements at once give several results
  } catch (error) {
    throw translateSqlError(error);
  }
}

/** A connection that does not even roll back in time is thrown away; the server then rolls back by itself. */
async function rolledBack(client: pg.PoolClient): Promise<boolean> {
  try {
    await run(client, { text: "ROLLBACK", values: [], timeoutMs: graceMs });
    return true;
  } catch {
    return false;
  }
}
