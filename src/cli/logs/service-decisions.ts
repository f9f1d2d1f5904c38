import { durationMs } from "@bufbuild/protobuf/wkt";
import type { BanditClient } from "../../client/index.ts";
import { rowsOf } from "../text/query-result.ts";
import { type ComparedDecision, type DecisionSource, exactReward } from "./decision-source.ts";
import { isDrawn } from "./log-source.ts";
import {
  rewardColumn,
  ServiceLogReader,
  type ServiceLogRow,
  type ServiceLogSpan,
} from "./service-log-reader.ts";

const columns = [
  "variant_id",
  "source",
  "degraded",
  "propensity",
  rewardColumn,
  "toUnixTimestamp64Milli(decided_at)",
  "arm_variant_ids",
  "arm_probabilities",
] as const;

export interface ServiceDecisionOptions extends ServiceLogSpan {
  readonly client: Pick<BanditClient, "query" | "getPolicy">;
  readonly nowMs: number;
  readonly onProgress: (rows: number, total: number) => void;
}

/**
 * The event log of a service as a log whose arms are compared. Whether a decision's attribution window is open is
 * said by the policy that is in force for its code type now.
 */
export function openServiceDecisions(options: ServiceDecisionOptions): DecisionSource {
  return {
    name: options.agentType,
    async read(take) {
      const reader = new ServiceLogReader(options);
      const windowsMs = await attributionWindows(reader, options);
      const lists = new Map<string, readonly string[]>();
      let rows = 0;
      let notDrawn = 0;
      await reader.read(columns, (row) => {
        rows += 1;
        options.onProgress(rows, row.total);
        const [, source, degraded] = row.values;
        if (isDrawn({ source: String(source), degraded: Number(degraded) !== 0 })) {
          const openSinceMs = options.nowMs - (windowsMs.get(row.codeType) ?? 0);
          take(decisionOf(row, openSinceMs, lists));
        } else {
          notDrawn += 1;
        }
        return true;
      });
      return { notDrawn };
    },
  };
}

function decisionOf(
  { codeType, values }: ServiceLogRow,
  openSinceMs: number,
  lists: Map<string, readonly string[]>,
): ComparedDecision {
  const [arm, , , propensity, reward, decidedAt, ids, probabilities] = values;
  // The lists of arms are few: each is kept once.
  const key = String(ids);
  const arms = lists.get(key) ?? (ids as readonly string[]);
  lists.set(key, arms);
  const decidedAtMs = Number(decidedAt);
  return {
    arm: String(arm),
    context: codeType,
    propensity: Number(propensity),
    vector: { arms, probabilities: (probabilities as readonly unknown[]).map(Number) },
    decidedAtMs,
    windowIsOpen: decidedAtMs > openSinceMs,
    ...(reward === null ? {} : { reward: exactReward(Number(reward)) }),
  };
}

async function attributionWindows(
  reader: ServiceLogReader,
  { client, agentType }: ServiceDecisionOptions,
): Promise<ReadonlyMap<string, number>> {
  const answer = await reader.query(
    `SELECT DISTINCT code_type FROM decisions WHERE ${reader.within()} ORDER BY code_type`,
  );
  const windowsMs = new Map<string, number>();
  for (const [value] of rowsOf(answer)) {
    const codeType = String(value);
    const { record } = await client.getPolicy({ agentType, codeType });
    const window = record?.policy?.attributionWindow;
    windowsMs.set(codeType, window === undefined ? 0 : durationMs(window));
  }
  return windowsMs;
}
