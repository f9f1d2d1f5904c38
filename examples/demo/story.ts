import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { durationFromMs, ListValueSchema } from "@bufbuild/protobuf/wkt";
import type { BanditClient } from "../../src/client/index.ts";
import type { Cell, Fleet } from "./fleet.ts";
import { meanReward } from "./reward.ts";

const timeoutMs = 30_000;
/** Both sides add the same numbers in another order. */
const rewardDifferenceMax = 1e-6;

/** The demo's result once more, from the raw events. */
export const storySql = `SELECT
    agent_type,
    code_type,
    variant_id,
    count() AS decisions,
    round(count() / sum(count()) OVER (PARTITION BY agent_type, code_type), 3) AS served,
    sum(outcomes) AS outcomes,
    round(avg(cost_usd), 4) AS cost_usd,
    sum(reward) / sum(reward_weight) AS mean_reward
FROM generation_full
GROUP BY agent_type, code_type, variant_id
ORDER BY agent_type, code_type, mean_reward DESC`;

/** By column. */
export type StoryRow = Readonly<Record<string, JsonValue>>;

/** Asks ClickHouse, through the service, after everything acknowledged has reached it. */
export async function tellStory(client: BanditClient): Promise<readonly StoryRow[]> {
  const { columns, rows } = await client.query(
    { sql: storySql, fresh: true, timeout: durationFromMs(timeoutMs) },
    { deadlineMs: 2 * timeoutMs },
  );
  return rows.map((row) => {
    const values = toJson(ListValueSchema, row) as JsonValue[];
    return Object.fromEntries(columns.map(({ name }, index) => [name, values[index] ?? null]));
  });
}

/** Where ClickHouse disagrees with what the agents counted, in words. Empty when it does not. */
export function compareStory(
  rows: readonly StoryRow[],
  fleet: Pick<Fleet, "tasks" | "outcomes"> & { readonly cells: readonly Cell[] },
): readonly string[] {
  const differences: string[] = [];
  for (const cell of fleet.cells) {
    const row = rows.find(
      (candidate) =>
        candidate["agent_type"] === cell.agentType &&
        candidate["code_type"] === cell.codeType &&
        String(candidate["variant_id"]).startsWith(`${cell.agentType}/${cell.variantName}@`),
    );
    const name = `${cell.agentType}, ${cell.codeType}, ${cell.variantName}`;
    const decisions = Number(row?.["decisions"] ?? 0);
    if (decisions !== cell.decisions) {
      differences.push(
        `${name}: ClickHouse has ${decisions} decisions, the agents got ${cell.decisions}`,
      );
    }
    const reward = Number(row?.["mean_reward"] ?? 0);
    // Also where it is no number.
    if (!(Math.abs(reward - meanReward(cell.earned)) <= rewardDifferenceMax)) {
      differences.push(
        `${name}: ClickHouse has a mean reward of ${reward}, the agents earned ${meanReward(cell.earned)}`,
      );
    }
  }
  // Of all variants: a decision for none that the demo knows is in no cell.
  const decisions = rows.reduce((sum, row) => sum + Number(row["decisions"]), 0);
  if (decisions !== fleet.tasks) {
    differences.push(`ClickHouse has ${decisions} decisions, the agents did ${fleet.tasks} tasks`);
  }
  const outcomes = rows.reduce((sum, row) => sum + Number(row["outcomes"]), 0);
  if (outcomes !== fleet.outcomes) {
    differences.push(`ClickHouse has ${outcomes} outcomes, the agents reported ${fleet.outcomes}`);
  }
  return differences;
}
