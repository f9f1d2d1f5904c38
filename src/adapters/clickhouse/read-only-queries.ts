import type { ClickHouseClient } from "@clickhouse/client";
import { deadlineExceeded } from "../../concurrency/deadline.ts";
import { WaitingLine } from "../../concurrency/lanes.ts";
import { BanditError, invariant } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { type QueryInput, type QueryResult, queryRowsMax } from "../../ports/event-log.ts";
import { queryError, queryTimeout } from "./clickhouse-errors.ts";
import { readResult } from "./query-result.ts";
import { requireCanonicalReadOnly, requireReadOnlyStatement } from "./read-only-guard.ts";

/** Beyond it a caller is told to come back later. On chDB four threads serve all statements. */
const runningMax = 3;
/** What a statement may hold in memory. */
const queryBytesMax = 2 ** 30;
/** What a result may have as text; the rows beyond are left out. */
const resultBytesMax = 4 * 1024 * 1024;
/**
 * Where the engine ends a result, by its bytes in the engine's memory. It does not say that it has, so the text must reach its own
 * bound first: an Int256 of one digit has 32 bytes in memory and 2 as text.
 */
const resultMemoryBytesMax = 16 * resultBytesMax;
/** The engine stops itself at the deadline; this is how much later the call is given up here. */
const queryGraceMs = 500;
/** In hexadecimal, as it travels, the longest statement of all is twice its bytes. */
const statementHexBytesMax = 1024 * 1024;

/** Callers' own statements, which may read and nothing else, a few at a time. */
export class ReadOnlyQueries {
  readonly #client: ClickHouseClient;
  readonly #clock: Clock;
  readonly #line = new WaitingLine({ runningMax, waitingMax: 0, full: tooManyQueries });

  constructor(options: { client: ClickHouseClient; clock: Clock }) {
    this.#client = options.client;
    this.#clock = options.clock;
  }

  /** @throws BanditError as `EventLog.query`. */
  async query(input: QueryInput): Promise<QueryResult> {
    invariant(
      input.rowsMax >= 1 && input.rowsMax <= queryRowsMax,
      `rowsMax is 1 to ${queryRowsMax}`,
    );
    invariant(input.timeoutMs > 0, "timeoutMs is positive");
    const sql = requireReadOnlyStatement(input.sql);
    return this.#line.run(() => this.#run({ ...input, sql }));
  }

  async #run(input: QueryInput): Promise<QueryResult> {
    const startedMs = this.#clock.monotonicMs();
    const timeout = AbortSignal.timeout(input.timeoutMs + queryGraceMs);
    const ended = input.signal === undefined ? timeout : AbortSignal.any([timeout, input.signal]);
    try {
      const sql = await this.#canonical(input.sql, ended);
      const { stream } = await this.#client.exec({
        query: `${sql} FORMAT JSONCompactEachRowWithNamesAndTypes`,
        clickhouse_settings: {
          // Ends with the block in which a limit is reached: some rows too many, never too few.
          max_result_rows: String(input.rowsMax + 1),
          max_result_bytes: String(resultMemoryBytesMax),
          result_overflow_mode: "break",
          max_execution_time: input.timeoutMs / 1_000,
          timeout_overflow_mode: "throw",
          max_memory_usage: String(queryBytesMax),
          output_format_json_quote_64bit_integers: 1,
          cancel_http_readonly_queries_on_client_close: 1,
          wait_end_of_query: 1,
          // Last: nothing can be set after it.
          readonly: "1",
        },
        abort_signal: ended,
      });
      const { columns, rows, truncated } = await readResult(stream, {
        rowsMax: input.rowsMax,
        bytesMax: resultBytesMax,
      });
      return { columns, rows, truncated, elapsedMs: this.#clock.monotonicMs() - startedMs };
    } catch (error) {
      // Nobody hears of it: the call has ended by its deadline, or the connection is closed.
      if (input.signal?.aborted === true) {
        throw deadlineExceeded("the caller does not wait for the query any more");
      }
      throw timeout.aborted
        ? queryTimeout(input.timeoutMs, error)
        : queryError(error, input.timeoutMs);
    }
  }

  /**
   * The statement as the engine writes it, allowed. It is this text that is run: what the guard reads and
   * what the engine reads cannot differ, then.
   */
  async #canonical(sql: string, signal: AbortSignal): Promise<string> {
    const result = await this.#client.query({
      query: `SELECT formatQuerySingleLine(unhex('${Buffer.from(sql).toString("hex")}')) AS sql`,
      format: "JSONEachRow",
      clickhouse_settings: {
        max_query_size: String(statementHexBytesMax),
        wait_end_of_query: 1,
        readonly: "1",
      },
      abort_signal: signal,
    });
    const [row] = await result.json<{ sql: string }>();
    invariant(row !== undefined, "one statement is one row");
    requireCanonicalReadOnly(row.sql);
    return row.sql;
  }
}

function tooManyQueries(): BanditError {
  return new BanditError("resource_exhausted", "too many queries are running", {
    reason: "TOO_MANY_QUERIES",
    retryAfterMs: 1_000,
  });
}
