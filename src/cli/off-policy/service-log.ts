import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { BanditClient, QueryResponse } from "../../client/index.ts";
import { badInput } from "../exit-code.ts";
import { rowsOf } from "../query-result.ts";
import { isDrawn, type LogSource, type MissingReward, type ReadingCounts } from "./log-source.ts";

/** As many as one answer may have. */
const pageRowsMax = 10_000;
const queryTimeoutMs = 120_000;
/** The call may take a little longer than the statement: events are flushed first, rows travel. */
const deadlineMarginMs = 15_000;

export interface ServiceLogOptions {
  readonly client: Pick<BanditClient, "query">;
  /** Checked: letters, digits, `_` and `-` only. */
  readonly agentType: string;
  /** Checked as well. Absent: all. */
  readonly codeType?: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Only `code_type` is there to be used. */
  readonly contextColumns?: readonly string[];
  readonly policyColumns: readonly string[];
  readonly missing: MissingReward;
  /** Generations asked for at a time; absent: 10,000, as many as one answer may have. */
  readonly pageRows?: number;
  readonly onProgress: (rows: number, total: number) => void;
}

/**
 * The event log of a service, read with the Query RPC: for one code type after the other, in the order of
 * the tables' key, pages of whole generations. A page is found in `decisions` first and then read from the view
 * `generation_full` by its range of ids: ClickHouse passes a range of the join key down to every table
 * below the view and reads that range only, which it does not do with a LIMIT. (Measured with 200,000
 * generations on chDB 26.7: 0.35 s a page that way, 1.9 s with the LIMIT on the view.) A decision that stands in
 * the table twice makes its page shorter by one, and is one row of the view.
 * @throws CliError usage for context columns that are not there
 */
export function openServiceLog(options: ServiceLogOptions): LogSource {
  const contextColumns = contextColumnsOf(options);
  const isByCodeType = contextColumns.length > 0;
  let isFresh = false;
  const ask = async (sql: string): Promise<QueryResponse> => {
    // Everything acknowledged up to now is waited for once.
    const fresh = !isFresh;
    isFresh = true;
    return options.client.query(
      { sql, rowsMax: pageRowsMax, timeout: durationFromMs(queryTimeoutMs), fresh },
      { deadlineMs: queryTimeoutMs + deadlineMarginMs },
    );
  };
  return {
    name: options.agentType,
    contextColumns,
    async listArms() {
      const arms = await ask(
        `SELECT DISTINCT variant_id FROM decisions WHERE ${within(options)} AND degraded = 0 ` +
          `AND source NOT IN ('static', 'fallback') ORDER BY variant_id`,
      );
      return rowsOf(arms).map(([arm]) => String(arm));
    },
    async read(take) {
      const codeTypes = await ask(
        `SELECT code_type, count() FROM decisions WHERE ${within(options)} GROUP BY code_type ORDER BY code_type`,
      );
      const sizes = rowsOf(codeTypes).map(
        ([codeType, rows]) => [String(codeType), Number(rows)] as const,
      );
      const total = sizes.reduce((sum, [, rows]) => sum + rows, 0);
      const counts = { rows: 0, withoutReward: 0, notDrawn: 0 };
      for (const [codeType] of sizes) {
        const goesOn = await readCodeType({ ...options, codeType }, ask, counts, (row) => {
          options.onProgress(counts.rows, total);
          return take({ ...row, context: isByCodeType ? codeType : "" });
        });
        if (!goesOn) break;
      }
      return counts;
    },
  };
}

interface ServiceRow {
  readonly arm: string;
  readonly propensity: number;
  readonly reward: number;
}

/** @returns false when `take` wants no more */
async function readCodeType(
  options: ServiceLogOptions & { readonly codeType: string },
  ask: (sql: string) => Promise<QueryResponse>,
  counts: { -readonly [Count in keyof ReadingCounts]: number },
  take: (row: ServiceRow) => boolean,
): Promise<boolean> {
  let after: string | undefined;
  for (;;) {
    const beyond = after === undefined ? "" : ` AND generation_id > '${after}'`;
    const page = await ask(
      `SELECT max(generation_id), count() FROM (SELECT generation_id FROM decisions ` +
        `WHERE ${within(options)}${beyond} ORDER BY generation_id LIMIT ${options.pageRows ?? pageRowsMax})`,
    );
    const [last, found] = rowsOf(page)[0] ?? [];
    if (Number(found ?? 0) === 0) return true;
    const answer = await ask(
      `SELECT toString(generation_id), variant_id, propensity, source, degraded, ` +
        `if(reward_weight > 0, reward / reward_weight, NULL) FROM generation_full ` +
        `WHERE ${within(options)}${beyond} AND generation_id <= '${last}' ORDER BY generation_id`,
    );
    const rows = rowsOf(answer);
    for (const [, arm, propensity, source, degraded, reward] of rows) {
      if (!isDrawn({ source: String(source), degraded: Number(degraded) !== 0 })) {
        counts.notDrawn += 1;
        continue;
      }
      if (reward === null) {
        counts.withoutReward += 1;
        if (options.missing === "drop") continue;
      }
      counts.rows += 1;
      const goesOn = take({
        arm: String(arm),
        propensity: Number(propensity),
        reward: Number(reward ?? 0),
      });
      if (!goesOn) return false;
    }
    // Rows that came in between, or very long names, may have filled the answer before its end.
    after = answer.truncated ? String(rows.at(-1)?.[0]) : String(last);
  }
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

function within(options: ServiceLogOptions): string {
  return [
    `agent_type = '${options.agentType}'`,
    ...(options.codeType === undefined ? [] : [`code_type = '${options.codeType}'`]),
    `decided_at >= ${timeLiteral(options.fromMs)}`,
    `decided_at < ${timeLiteral(options.toMs)}`,
  ].join(" AND ");
}

function timeLiteral(ms: number): string {
  const text = new Date(ms).toISOString().replace("T", " ").replace("Z", "");
  return `toDateTime64('${text}', 3, 'UTC')`;
}
