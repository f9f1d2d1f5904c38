import type { DecisionRecord } from "../domain/decision.ts";
import type { AgentType, CodeType, GenerationId } from "../domain/ids.ts";
import type { DecisionRow, EventStream, GenerationRow, OutcomeRow } from "./event-rows.ts";
import type { GenerationLog } from "./generation-log.ts";

/**
 * Every raw event, for analysts and for the offline jobs.
 * Methods reject with a {@link BanditError}: `unavailable` when the engine cannot be reached or does not
 * answer in time; `invalid_argument` when the engine refuses the content (a query's syntax, a row's form).
 */
export interface EventLog extends EventSink, GenerationHistories, EventQueries, GenerationLog {
  ping(): Promise<void>;

  /** Idempotent. */
  close(): Promise<void>;
}

/** Where events go. */
export interface EventSink {
  /**
   * Inserts rows, all or none. Repeating a call with the same `deduplicationToken` inserts nothing twice,
   * so a call whose answer was lost is repeated as it is.
   */
  append(input: AppendInput): Promise<void>;
}

/** What was logged of single generations. */
export interface GenerationHistories {
  /** Everything logged about one generation; undefined when its decision is not in the log (yet). */
  findGeneration(generationId: GenerationId): Promise<GenerationHistory | undefined>;

  /**
   * Decisions of a stretch of time without any row in `outcomes`, ordered by time and then by generation id
   * as text; for the default reward. Rows on their way here count as missing. The outcomes of the stretch
   * are held in memory (`resource_exhausted` beyond 1 GiB), so ask for hours, not for months.
   */
  listWithoutOutcome(input: ListWithoutOutcomeInput): Promise<readonly UnansweredDecision[]>;
}

/** Statements of analysts. */
export interface EventQueries {
  /** Runs one read-only statement. Writes, DDL and access to files or other servers are refused. */
  query(input: QueryInput): Promise<QueryResult>;
}

/** Rows of a {@link EventQueries.query} at most. */
export const queryRowsMax = 10_000;

export interface AppendInput {
  readonly stream: EventStream;
  /** JSON objects, one a line, see `event-rows.ts`. */
  readonly rows: string;
  readonly deduplicationToken: string;
}

export interface GenerationHistory {
  readonly decision: DecisionRow;
  readonly generation?: GenerationRow;
  /** Ordered by occurred_at, then outcome_id. */
  readonly outcomes: readonly OutcomeRow[];
}

export interface ListWithoutOutcomeInput {
  readonly agentType: AgentType;
  readonly codeTypes:
    | { readonly only: readonly CodeType[] }
    | { readonly except: readonly CodeType[] };
  /** Unix milliseconds; the first that counts … */
  readonly decidedFromMs: number;
  /** … and the first that does not. */
  readonly decidedToMs: number;
  /**
   * For the page after one that has ended with this id, decided at `decidedFromMs`: leaves out what was
   * decided in that millisecond with this id or one before it.
   */
  readonly afterGenerationId?: GenerationId;
  /** Decisions returned at most; 1 to 10,000. Fewer mean that there are no more. */
  readonly limit: number;
}

/** What a default reward needs to know of a decision. */
export type UnansweredDecision = Pick<
  DecisionRecord,
  | "generationId"
  | "agentType"
  | "codeType"
  | "variantId"
  | "decidedAtMs"
  | "source"
  | "forgettingPosition"
  | "context"
>;

export interface QueryInput {
  readonly sql: string;
  /** Rows returned at most; 1 to {@link queryRowsMax}. */
  readonly rowsMax: number;
  readonly timeoutMs: number;
  /**
   * Aborted when nobody waits for the answer any more: the call rejects with `deadline_exceeded`. A server then
   * stops the statement; the embedded engine goes on until `timeoutMs` has passed.
   */
  readonly signal?: AbortSignal;
}

export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Values as ClickHouse's JSONCompact gives them (64-bit integers as text). */
  readonly rows: readonly (readonly unknown[])[];
  /** True when there were more than `rowsMax` rows, or more bytes than a result may have (4 MiB). */
  readonly truncated: boolean;
  readonly elapsedMs: number;
}
