import {
  generationTotals,
  type LedgerEntry,
  replaceInTotals,
  supersedes,
  zeroTotals,
} from "../../src/domain/contribution.ts";
import type { VariantId } from "../../src/domain/ids.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { ArmTotals, StateStore } from "../../src/ports/state-store.ts";

interface LoggedOutcome {
  readonly outcomeId: string;
  readonly generationId: string;
  readonly variantId: string;
  readonly occurredAt: string;
  /** Of the one component; undefined when nothing was learned from it. */
  readonly value: number | undefined;
  readonly weight: number;
}

/** What the event log has of one code type, every copy of a row counted. */
export interface LoggedEvents {
  /** Generation id and variant. */
  readonly decisions: readonly (readonly [string, string])[];
  readonly generations: readonly string[];
  readonly outcomes: readonly LoggedOutcome[];
}

export async function readLog(eventLog: EventLog, codeType: string): Promise<LoggedEvents> {
  const rows = async (sql: string): Promise<readonly (readonly unknown[])[]> => {
    const result = await eventLog.query({
      sql: `${sql} WHERE code_type = '${codeType}'`,
      rowsMax: 10_000,
      timeoutMs: 20_000,
    });
    return result.rows;
  };
  return {
    decisions: (await rows("SELECT toString(generation_id), variant_id FROM decisions")).map(
      ([id, variant]) => [String(id), String(variant)],
    ),
    generations: (await rows("SELECT toString(generation_id) FROM generations")).map(([id]) =>
      String(id),
    ),
    outcomes: (
      await rows(
        "SELECT outcome_id, toString(generation_id), variant_id, toString(occurred_at), " +
          "reward_values[1], reward_weights[1], learned FROM outcomes",
      )
    ).map(([outcomeId, generationId, variantId, occurredAt, value, weight, learned]) => ({
      outcomeId: String(outcomeId),
      generationId: String(generationId),
      variantId: String(variantId),
      occurredAt: String(occurredAt),
      value: Number(learned) === 1 ? Number(value) : undefined,
      weight: Number(weight),
    })),
  };
}

/**
 * Holds what was acknowledged against the event log and the live totals.
 * @returns what is wrong, in words; empty when every acknowledged event is there once and the totals are their fold.
 */
export async function findFaults(options: {
  codeType: string;
  eventLog: EventLog;
  state: StateStore;
  /** `generation id` */
  decisions: ReadonlySet<string>;
  /** `generation id` */
  generations: ReadonlySet<string>;
  /** `generation id|outcome id` */
  outcomes: ReadonlySet<string>;
}): Promise<string[]> {
  const log = await readLog(options.eventLog, options.codeType);
  const outcomeKeys = log.outcomes.map((row) => `${row.generationId}|${row.outcomeId}`);
  const faults = [
    ...compare(
      "decision",
      options.decisions,
      log.decisions.map(([id]) => id),
    ),
    ...compare("generation", options.generations, log.generations),
    ...compare("outcome", options.outcomes, outcomeKeys),
  ];
  const expected = fold(log.outcomes);
  const live: ArmTotals[] = [];
  for await (const arm of options.state.listTotals()) {
    if (arm.codeType === options.codeType) live.push(arm);
  }
  for (const variantId of new Set([...expected.keys(), ...live.map((arm) => arm.variantId)])) {
    const folded = expected.get(variantId) ?? zeroTotals;
    const totals = live.find((arm) => arm.variantId === variantId)?.totals ?? zeroTotals;
    for (const part of ["generations", "weight", "reward"] as const) {
      if (Math.abs(totals[part] - folded[part]) > 1e-9) {
        faults.push(`${variantId}: ${part} is ${totals[part]}, the fold gives ${folded[part]}`);
      }
    }
  }
  return faults;
}

function compare(
  what: string,
  acknowledged: ReadonlySet<string>,
  logged: readonly string[],
): string[] {
  const known = new Set(logged);
  const lost = [...acknowledged].filter((key) => !known.has(key));
  const doubled = logged.filter((key, index) => logged.indexOf(key) !== index);
  return [
    ...lost.map((key) => `${what} ${key} was acknowledged and is lost`),
    ...doubled.map((key) => `${what} ${key} is there twice`),
  ];
}

/** Totals of each arm from the newest outcome of each generation, which has one component. */
function fold(outcomes: readonly LoggedOutcome[]): Map<VariantId, ArmTotals["totals"]> {
  const newest = new Map<string, { variantId: VariantId; entry: LedgerEntry }>();
  for (const { generationId, variantId, outcomeId, occurredAt, value, weight } of outcomes) {
    if (value === undefined) continue;
    const entry: LedgerEntry = {
      component: "ci_passed",
      value,
      weight,
      penalty: 0,
      occurredAtMs: Date.parse(`${occurredAt.replace(" ", "T")}Z`),
      eventId: `outcome:${outcomeId}`,
    };
    const known = newest.get(generationId);
    if (known === undefined || supersedes(entry, known.entry)) {
      newest.set(generationId, { variantId: variantId as VariantId, entry });
    }
  }
  const totals = new Map<VariantId, ArmTotals["totals"]>();
  for (const { variantId, entry } of newest.values()) {
    const change = { before: generationTotals([]), after: generationTotals([entry]), position: 0 };
    totals.set(variantId, replaceInTotals(totals.get(variantId) ?? zeroTotals, change));
  }
  return totals;
}
