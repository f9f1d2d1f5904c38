import { zeroTotals } from "../../src/domain/contribution.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { StateStore } from "../../src/ports/state-store.ts";
import { type Delivery, type Place, requireTotals } from "../conformance/contribution-model.ts";
import type { AcknowledgedIds } from "../faults/harness/ledger-model.ts";
import { type EngineQuery, readLoggedEvents } from "../faults/harness/logged-events.ts";
import { streams } from "../faults/harness/verdict.ts";

/** Asks the event log as analysts do. */
export function queryOf(eventLog: EventLog): EngineQuery {
  return async <Row>(sql: string) => {
    const asked = { sql, rowsMax: 10_000, timeoutMs: 20_000 };
    const { columns, rows, truncated } = await eventLog.query(asked);
    if (truncated) throw new Error(`too much to read: ${sql}`);
    const named = (row: readonly unknown[]) => columns.map(({ name }, at) => [name, row[at]]);
    return rows.map((row) => Object.fromEntries(named(row)) as Row);
  };
}

/**
 * Holds what was acknowledged against the event log and the live totals.
 * @returns what is wrong, in words; empty when every acknowledged event is there once and the totals are their fold.
 */
export async function findFaults(
  options: AcknowledgedIds & { codeType: string; eventLog: EventLog; state: StateStore },
): Promise<string[]> {
  const { codeType, eventLog, state } = options;
  const { tables } = await readLoggedEvents(queryOf(eventLog), [codeType]);
  const faults = streams.flatMap((stream) => {
    const { ids } = tables[stream];
    const logged = new Set(ids);
    return [
      ...[...options[stream]]
        .filter((id) => !logged.has(id))
        .map((id) => `${stream} ${id} was acknowledged and is lost`),
      ...ids
        .filter((id, index) => ids.indexOf(id) !== index)
        .map((id) => `${stream} ${id} is there twice`),
    ];
  });
  const learned = await readLearned(eventLog, codeType);
  const live = new Map<string, typeof zeroTotals>();
  for await (const arm of state.listTotals()) {
    if (arm.codeType === codeType) live.set(arm.variantId, arm.totals);
  }
  for (const variantId of new Set([...learned.keys(), ...live.keys()])) {
    const reports = learned.get(variantId) ?? { places: [], events: [] };
    try {
      requireTotals(live.get(variantId) ?? zeroTotals, reports);
    } catch (error) {
      faults.push(`${variantId}: ${error}`);
    }
  }
  return faults;
}

/** The outcomes that each arm has learned from, by variant; without forgetting. */
async function readLearned(eventLog: EventLog, codeType: string) {
  const rows = await queryOf(eventLog)<{
    variantId: string;
    generationId: string;
    outcomeId: string;
    occurredAtMs: string;
    contributions: [component: string, value: number, weight: number, penalty: number][];
  }>(
    `SELECT variant_id AS variantId, toString(generation_id) AS generationId, outcome_id AS outcomeId,
       toUnixTimestamp64Milli(occurred_at) AS occurredAtMs, arrayZip(
         CAST(reward_components, 'Array(String)'), reward_values, reward_weights, reward_penalties
       ) AS contributions
     FROM outcomes WHERE learned = 1 AND code_type = '${codeType}'`,
  );
  const arms = new Map<string, { places: Place[]; events: Delivery[]; ids: string[] }>();
  for (const { variantId, generationId, outcomeId, occurredAtMs, contributions } of rows) {
    const { places, events, ids } = arms.get(variantId) ?? { places: [], events: [], ids: [] };
    arms.set(variantId, { places, events, ids });
    if (!ids.includes(generationId)) {
      ids.push(generationId);
      places.push({ forgettingPosition: 0 });
    }
    events.push({
      generation: ids.indexOf(generationId),
      ...{ eventId: `outcome:${outcomeId}`, occurredAtMs: Number(occurredAtMs) },
      contributions: contributions.map(([component, value, weight, penalty]) => ({
        ...{ component, value, weight, penalty },
      })),
    });
  }
  return arms;
}
