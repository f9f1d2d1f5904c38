import type { JsonValue } from "@bufbuild/protobuf";
import { durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import type { BanditClient, QueryResponse } from "../../client/index.ts";
import type { ComparedDecision } from "../../statistics/experiments/compared-decision.ts";
import { badInput, CliError, exitCodes } from "../exit-code.ts";
import { rowsOf } from "../text/query-result.ts";
import { type DecisionLog, isDrawn, type LogNeeds } from "./decision-log.ts";

/** As many as one answer may have. */
const pageRowsMax = 10_000;
const queryTimeoutMs = 120_000;
/** The call may take a little longer than the statement: events are flushed first, rows travel. */
const deadlineMarginMs = 15_000;

interface ReaderOptions {
  readonly client: Pick<BanditClient, "query">;
  /** Checked: letters, digits, `_` and `-` only. */
  readonly agentType: string;
  /** Checked as well. Undefined: all. */
  readonly codeType: string | undefined;
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  /** Generations asked for at a time; absent: 10,000, as many as one answer may have. */
  readonly pageRows?: number;
}

export interface ServiceLogOptions
  extends ReaderOptions,
    Pick<LogNeeds, "contextColumns" | "policyColumns" | "forComparison"> {
  readonly client: Pick<BanditClient, "query" | "getPolicy">;
  readonly nowMs: number;
  readonly onProgress: (rows: number, total: number) => void;
}

/** Reward ÷ weight of a generation's known components, as SQL on the view; NULL without any. */
const rewardSql = "if(reward_weight > 0, reward / reward_weight, NULL)";
const decidedAtSql = "toUnixTimestamp64Milli(decided_at)";
const columnsSql = ["variant_id", "source", "degraded", "propensity", rewardSql, decidedAtSql];
const comparisonColumnsSql = ["arm_variant_ids", "arm_probabilities"];

/**
 * The event log of a service as a log, read page by page with the Query RPC. Whether a decision's attribution window is
 * open is said by the policy that is in force for its code type now.
 * @throws CliError usage for context columns that are not there
 */
export function openServiceLog(options: ServiceLogOptions): DecisionLog {
  const contextColumns = contextColumnsOf(options);
  const isByCodeType = contextColumns.length > 0;
  const reader = new ServiceLogReader(options);
  const columns = options.forComparison ? [...columnsSql, ...comparisonColumnsSql] : columnsSql;
  return {
    name: options.agentType,
    contextColumns,
    async listArms() {
      const arms = await reader.query(
        `SELECT DISTINCT variant_id FROM decisions WHERE ${reader.within()} AND degraded = 0 ` +
          `AND source NOT IN ('static', 'fallback') ORDER BY variant_id`,
      );
      return arms.map(([arm]) => String(arm));
    },
    async *read(leftOut) {
      const windows = await openSince(reader, options);
      const lists = new Map<string, readonly string[]>();
      let rows = 0;
      for await (const { codeType, values, total } of reader.rows(columns)) {
        rows += 1;
        options.onProgress(rows, total);
        const [arm, source, degraded, propensity, reward, decidedAt, ids, probabilities] = values;
        if (!isDrawn({ source: String(source), degraded: Number(degraded) !== 0 })) {
          leftOut.notDrawn += 1;
          continue;
        }
        const decidedAtMs = Number(decidedAt);
        const decision: ComparedDecision = {
          arm: String(arm),
          context: isByCodeType ? codeType : "",
          propensity: Number(propensity),
          windowIsOpen: decidedAtMs > (windows.get(codeType) ?? options.nowMs),
          ...(reward === null ? {} : { reward: Number(reward) }),
        };
        if (!options.forComparison) {
          yield decision;
          continue;
        }
        // The lists of arms are few: each is kept once.
        const key = String(ids);
        const arms = lists.get(key) ?? (ids as readonly string[]);
        lists.set(key, arms);
        yield {
          ...decision,
          vector: { arms, probabilities: (probabilities as readonly unknown[]).map(Number) },
          decidedAtMs,
        };
      }
    },
  };
}

/** For every code type, the moment after which a decision's attribution window is still open. */
async function openSince(
  reader: ServiceLogReader,
  { client, agentType, nowMs }: ServiceLogOptions,
): Promise<ReadonlyMap<string, number>> {
  const since = new Map<string, number>();
  for (const codeType of await reader.codeTypes()) {
    const { record } = await client.getPolicy({ agentType, codeType });
    const window = record?.policy?.attributionWindow;
    since.set(codeType, nowMs - (window === undefined ? 0 : durationMs(window)));
  }
  return since;
}

function contextColumnsOf(options: ServiceLogOptions): readonly string[] {
  const columns = [
    ...new Set([...(options.contextColumns ?? ["code_type"]), ...options.policyColumns]),
  ];
  const unknown = columns.find((column) => column !== "code_type");
  if (unknown === undefined) return columns;
  throw badInput(
    `there is no context column "${unknown}" in a service's log, only code_type; ` +
      "export what you need with `banditd query --csv` and use --log",
  );
}

type Values = readonly JsonValue[];

/**
 * Reads the event log of a service in pages of whole generations: ranges of ids, over all code types. ClickHouse passes a range of
 * the join key, the id, down to every table below the view `generation_full` and reads that range only, which it does neither with
 * a LIMIT nor with a code type. The pages' bounds are found at once. A decision that stands in the table twice makes its page
 * shorter by one, and is one row of the view.
 */
export class ServiceLogReader {
  readonly #options: ReaderOptions;
  /** Everything acknowledged up to now is waited for once. */
  #isFresh = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Rows of one statement; the first waits for events on their way into the log. */
  async query(sql: string): Promise<readonly Values[]> {
    return rowsOf(await this.#answer(sql));
  }

  /** The condition of the span, as SQL. */
  within(): string {
    const { codeType } = this.#options;
    return [
      `agent_type = '${this.#options.agentType}'`,
      ...(codeType === undefined ? [] : [`code_type = '${codeType}'`]),
      `decided_at >= ${timeLiteral(this.#options.fromMs)}`,
      `decided_at < ${timeLiteral(this.#options.toMs)}`,
    ].join(" AND ");
  }

  async codeTypes(): Promise<readonly string[]> {
    const found = await this.query(
      `SELECT DISTINCT code_type FROM decisions WHERE ${this.within()}`,
    );
    return found.map(([codeType]) => String(codeType));
  }

  /** Every row of the view in the span once, by id; `columns` are SQL. `total` is the decisions in the span, for progress. */
  async *rows(columns: readonly string[]) {
    const within = this.within();
    const [[count] = []] = await this.query(`SELECT count() FROM decisions WHERE ${within}`);
    const total = Number(count);
    const page = `SELECT toString(generation_id), code_type, ${columns.join(", ")} FROM generation_full WHERE ${within}`;
    let beyond = "";
    for (const last of [...(await this.#pageEnds(total)), undefined]) {
      const upTo = last === undefined ? "" : ` AND generation_id <= '${last}'`;
      for (;;) {
        const answer = await this.#answer(`${page}${beyond}${upTo} ORDER BY generation_id`);
        const rows = rowsOf(answer);
        for (const [generationId, codeType, ...values] of rows) {
          yield {
            generationId: String(generationId),
            codeType: String(codeType),
            values: values as Values,
            total,
          };
        }
        // Rows that came in between, or very long names, may have filled the answer before the page's end.
        const end = answer.truncated ? rows.at(-1)?.[0] : last;
        if (answer.truncated && end === undefined) {
          throw new CliError(exitCodes.failed, "a row of the log is larger than an answer may be");
        }
        if (end !== undefined) beyond = ` AND generation_id > '${end}'`;
        if (!answer.truncated) break;
      }
    }
  }

  /** The last id of every full page; what comes after the last of them is a page too. */
  async #pageEnds(total: number): Promise<readonly string[]> {
    const pageRows = this.#options.pageRows ?? pageRowsMax;
    if (total <= pageRows) return [];
    const ends = await this.query(
      `SELECT toString(generation_id) FROM (SELECT generation_id, row_number() OVER (ORDER BY generation_id) AS place ` +
        `FROM decisions WHERE ${this.within()}) WHERE place % ${pageRows} = 0 ORDER BY generation_id`,
    );
    return ends.map(([id]) => String(id));
  }

  #answer(sql: string): Promise<QueryResponse> {
    const fresh = !this.#isFresh;
    this.#isFresh = true;
    return this.#options.client.query(
      { sql, rowsMax: pageRowsMax, timeout: durationFromMs(queryTimeoutMs), fresh },
      { deadlineMs: queryTimeoutMs + deadlineMarginMs },
    );
  }
}

function timeLiteral(ms: number): string {
  const text = new Date(ms).toISOString().replace("T", " ").replace("Z", "");
  return `toDateTime64('${text}', 3, 'UTC')`;
}
