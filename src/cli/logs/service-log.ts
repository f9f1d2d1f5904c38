import { badInput } from "../exit-code.ts";
import { rowsOf } from "../text/query-result.ts";
import { isDrawn, type LogSource, type MissingReward } from "./log-source.ts";
import { rewardColumn, ServiceLogReader, type ServiceLogSpan } from "./service-log-reader.ts";

export interface ServiceLogOptions extends ServiceLogSpan {
  /** Only `code_type` is there to be used. */
  readonly contextColumns?: readonly string[];
  readonly policyColumns: readonly string[];
  readonly missing: MissingReward;
  readonly onProgress: (rows: number, total: number) => void;
}

/**
 * The event log of a service as a log that can be read several times, page by page.
 * @throws CliError usage for context columns that are not there
 */
export function openServiceLog(options: ServiceLogOptions): LogSource {
  const contextColumns = contextColumnsOf(options);
  const isByCodeType = contextColumns.length > 0;
  const reader = new ServiceLogReader(options);
  return {
    name: options.agentType,
    contextColumns,
    async listArms() {
      const arms = await reader.query(
        `SELECT DISTINCT variant_id FROM decisions WHERE ${reader.within()} AND degraded = 0 ` +
          `AND source NOT IN ('static', 'fallback') ORDER BY variant_id`,
      );
      return rowsOf(arms).map(([arm]) => String(arm));
    },
    async read(take) {
      const counts = { rows: 0, withoutReward: 0, notDrawn: 0 };
      const columns = ["variant_id", "propensity", "source", "degraded", rewardColumn];
      await reader.read(columns, ({ codeType, values, total }) => {
        const [arm, propensity, source, degraded, reward] = values;
        if (!isDrawn({ source: String(source), degraded: Number(degraded) !== 0 })) {
          counts.notDrawn += 1;
          return true;
        }
        if (reward === null) {
          counts.withoutReward += 1;
          if (options.missing === "drop") return true;
        }
        counts.rows += 1;
        options.onProgress(counts.rows, total);
        return take({
          context: isByCodeType ? codeType : "",
          arm: String(arm),
          propensity: Number(propensity),
          reward: Number(reward ?? 0),
        });
      });
      return counts;
    },
  };
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
