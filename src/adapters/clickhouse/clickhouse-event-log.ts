import { Readable } from "node:stream";
import { withTimeout } from "../../concurrency/in-time.ts";
import { invariant } from "../../domain/errors.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type {
  AppendInput,
  EventLog,
  GenerationHistory,
  ListWithoutOutcomeInput,
  QueryInput,
  QueryResult,
  UnansweredDecision,
} from "../../ports/event-log.ts";
import type { DecisionRow, GenerationRow, OutcomeRow } from "../../ports/event-rows.ts";
import { appendError, listError, unavailable } from "./clickhouse-errors.ts";
import { LoggedGenerations } from "./logged-generations.ts";
import { ReadOnlyQueries } from "./read-only-queries.ts";
import { type RowsOptions, readRows } from "./read-rows.ts";
import {
  type UnansweredRow,
  unansweredDecision,
  unansweredParameters,
  unansweredStatement,
} from "./unanswered-decisions.ts";

/**
 * The client is on chDB or on a server, and is closed by {@link ClickHouseEventLog.close}; the time-out is for every call but
 * {@link ClickHouseEventLog.query}, which brings its own.
 */
export interface ClickHouseEventLogOptions extends RowsOptions {
  readonly clock: Clock;
}

/** What a statement over many rows may hold in memory. */
const queryBytesMax = 2 ** 30;
/** Health checks ask every few seconds and would rather hear "no" than wait. */
const pingTimeoutMs = 1_000;
const pieceCharsMin = 128 * 1024;
/** Room for 10,000 code types, twice. */
const listStatementBytesMax = 2 * 2 ** 20;
/** Beyond it a sort goes on on disk. */
const sortBytesMax = 2 ** 28;

/** {@link EventLog} on chDB and on a ClickHouse server: the client makes them the same. */
export class ClickHouseEventLog extends LoggedGenerations implements EventLog {
  readonly #options: ClickHouseEventLogOptions;
  readonly #readOnly: ReadOnlyQueries;
  #closed: Promise<void> | undefined;

  constructor(options: ClickHouseEventLogOptions) {
    super(options);
    this.#options = options;
    this.#readOnly = new ReadOnlyQueries(options);
  }

  async append(input: AppendInput): Promise<void> {
    this.requireOpen();
    if (input.rows.trim() === "") return;
    try {
      const { stream } = await this.#options.client.exec({
        query: `INSERT INTO ${input.stream} FORMAT JSONEachRow`,
        // The text as it is: the rows were serialised once, when they happened.
        values: Readable.from(pieces(input.rows), { objectMode: false }),
        clickhouse_settings: {
          insert_deduplication_token: input.deduplicationToken,
          async_insert: 0,
          // One block, so that either every row is inserted or none.
          input_format_parallel_parsing: 0,
          input_format_allow_errors_num: "0",
          // A newer service may write a field that this schema does not have yet (during a rolling
          // update, or after a roll-back). Refusing would stop the whole pipeline, or bury good rows,
          // for the sake of one column; the conformance suite makes sure that no known field is lost.
          input_format_skip_unknown_fields: 1,
          wait_end_of_query: 1,
        },
        abort_signal: AbortSignal.timeout(this.#options.requestTimeoutMs),
      });
      await drain(stream);
    } catch (error) {
      throw appendError(error);
    }
  }

  async findGeneration(generationId: GenerationId): Promise<GenerationHistory | undefined> {
    this.requireOpen();
    const [decisions, generations, outcomes] = await Promise.all([
      this.#rowsOf<DecisionRow>("decisions", generationId),
      this.#rowsOf<GenerationRow>("generations", generationId),
      this.#rowsOf<OutcomeRow>("outcomes", generationId),
    ]);
    const [decision] = decisions;
    if (decision === undefined) return undefined;
    const [generation] = generations;
    return { decision, outcomes, ...(generation === undefined ? {} : { generation }) };
  }

  async listWithoutOutcome(input: ListWithoutOutcomeInput): Promise<readonly UnansweredDecision[]> {
    invariant(input.limit >= 1 && input.limit <= 10_000, "limit is 1 to 10,000");
    this.requireOpen();
    try {
      const rows = await readRows<UnansweredRow>(
        this.#options,
        unansweredStatement(input),
        unansweredParameters(input),
        {
          max_execution_time: this.#options.requestTimeoutMs / 1_000,
          max_memory_usage: String(queryBytesMax),
          max_bytes_before_external_sort: String(sortBytesMax),
          max_query_size: String(listStatementBytesMax),
        },
      );
      return rows.map((row) => unansweredDecision(row, input.agentType));
    } catch (error) {
      throw listError(error);
    }
  }

  async query(input: QueryInput): Promise<QueryResult> {
    this.requireOpen();
    return this.#readOnly.query(input);
  }

  async ping(): Promise<void> {
    this.requireOpen();
    const timeoutMs = Math.min(pingTimeoutMs, this.#options.requestTimeoutMs);
    const abort_signal = AbortSignal.timeout(timeoutMs);
    // The signal does not interrupt a start of the engine, which is only no longer waited for.
    const answer = this.#options.client.ping({ select: true, abort_signal });
    const result = await withTimeout(answer, timeoutMs, () => {
      throw unavailable(new Error(`no answer within ${timeoutMs} ms`));
    });
    if (!result.success) throw unavailable(result.error);
  }

  close(): Promise<void> {
    this.#closed ??= this.#options.client.close();
    return this.#closed;
  }

  protected override requireOpen(): void {
    // A closed HTTP client opens new connections without a word.
    if (this.#closed !== undefined) throw unavailable(new Error("the event log is closed"));
  }

  async #rowsOf<Row>(
    stream: AppendInput["stream"],
    generationId: GenerationId,
  ): Promise<readonly Row[]> {
    // Of a row that was inserted twice, the copy that FINAL would give. FINAL itself has to read whole
    // ranges of keys where the bloom filter leads to one granule.
    const tail =
      stream === "outcomes"
        ? "ORDER BY occurred_at, outcome_id, row_rank DESC LIMIT 1 BY outcome_id"
        : "ORDER BY row_rank DESC LIMIT 1";
    try {
      return await readRows<Row>(
        this.#options,
        `SELECT * EXCEPT ingested_at FROM ${stream} WHERE generation_id = {id: UUID} ${tail}`,
        { id: generationId },
      );
    } catch (error) {
      throw unavailable(error);
    }
  }
}

/** Pieces of whole rows, about {@link pieceCharsMin} each, so that nobody has to hold the event loop for long. */
function* pieces(rows: string): Generator<Buffer> {
  let at = 0;
  while (at < rows.length) {
    const lineEnd = rows.indexOf("\n", at + pieceCharsMin);
    const end = lineEnd === -1 ? rows.length : lineEnd + 1;
    yield Buffer.from(rows.slice(at, end));
    at = end;
  }
}

async function drain(stream: Readable): Promise<void> {
  for await (const _ of stream);
}
