import type { ReadGenerationsInput } from "../../ports/generation-log.ts";

/** Which rows of a table belong to a page; the same sort key in all three tables. */
interface PageRange extends ReadGenerationsInput {
  /** The last generation of the page; absent on the last page, which has everything to the end. */
  readonly last?: ReadGenerationsInput["after"];
}

/**
 * Decisions of a page. All statements here cut by the tables' sort key (agent type, code type, generation id)
 * and read in its order, so that all pages together read every granule about once. ClickHouse orders a UUID by
 * its second half; it compares likewise, so the order needs not be known here.
 */
export function decisionsStatement(input: ReadGenerationsInput): string {
  return `
    SELECT toString(generation_id), code_type, variant_id, toUnixTimestamp64Milli(decided_at),
           source, propensity, allocation_version, forgetting_position, context_epoch, context,
           experiment_id, experiment_arm
    FROM decisions FINAL
    WHERE ${condition(input)}
    ORDER BY code_type, generation_id
    LIMIT {limit: UInt32}`;
}

/** Outcomes of the generations of a page. */
export function outcomesStatement(range: PageRange): string {
  return eventsStatement(range, "outcomes", {
    eventId: "concat('outcome:', outcome_id)",
    occurredAt: "occurred_at",
    receivedAt: "received_at",
  });
}

/** Generation reports of a page. */
export function reportsStatement(range: PageRange): string {
  return eventsStatement(range, "generations", {
    eventId: "'generation'",
    occurredAt: "recorded_at",
    receivedAt: "recorded_at",
  });
}

function eventsStatement(
  range: PageRange,
  table: string,
  columns: { eventId: string; occurredAt: string; receivedAt: string },
): string {
  const learned = range.learnedOnly ? "AND learned = 1 AND notEmpty(reward_components)" : "";
  return `
    SELECT toString(generation_id), code_type, variant_id, toUnixTimestamp64Milli(decided_at),
           ${columns.eventId}, toUnixTimestamp64Milli(${columns.occurredAt}),
           toUnixTimestamp64Milli(${columns.receivedAt}), toUnixTimestamp64Milli(ingested_at), learned,
           reward_components, reward_values, reward_weights, reward_penalties
    FROM ${table} FINAL
    WHERE ${condition(range)} ${learned}`;
}

function condition({ codeType, decidedFromMs, changedFromMs, after, last }: PageRange): string {
  const parts = ["agent_type = {agentType: String}"];
  if (changedFromMs !== undefined) {
    const changed = ["outcomes", "generations"].map(
      (table) => `SELECT generation_id FROM ${table} WHERE agent_type = {agentType: String}
          ${codeType === undefined ? "" : "AND code_type = {codeType: String}"}
          AND ingested_at >= fromUnixTimestamp64Milli({changedFromMs: Int64}, 'UTC')`,
    );
    parts.push(`generation_id IN (${changed.join(" UNION ALL ")})`);
  }
  if (codeType !== undefined) {
    parts.push("code_type = {codeType: String}");
    if (after !== undefined) parts.push("generation_id > {afterId: UUID}");
    if (last !== undefined) parts.push("generation_id <= {lastId: UUID}");
  } else {
    if (after !== undefined) {
      parts.push(
        "(code_type > {afterCode: String} OR (code_type = {afterCode: String} AND generation_id > {afterId: UUID}))",
      );
    }
    if (last !== undefined) {
      parts.push(
        "(code_type < {lastCode: String} OR (code_type = {lastCode: String} AND generation_id <= {lastId: UUID}))",
      );
    }
  }
  if (decidedFromMs !== undefined) {
    parts.push("decided_at >= fromUnixTimestamp64Milli({decidedFromMs: Int64}, 'UTC')");
  }
  return parts.join(" AND ");
}

/** Of all statements here; what one does not name is not looked at. */
export function pageParameters({
  agentType,
  codeType,
  decidedFromMs,
  changedFromMs,
  after,
  last,
  limit,
}: PageRange): Record<string, unknown> {
  return {
    agentType,
    limit,
    ...(codeType === undefined ? {} : { codeType }),
    ...(decidedFromMs === undefined ? {} : { decidedFromMs }),
    ...(changedFromMs === undefined ? {} : { changedFromMs }),
    ...(after === undefined ? {} : { afterCode: after.codeType, afterId: after.generationId }),
    ...(last === undefined ? {} : { lastCode: last.codeType, lastId: last.generationId }),
  };
}

/** Whose events were learned from, with how many generations and events there are. */
export function learnedArmsStatement(ofOneAgentType: boolean): string {
  const condition = `learned = 1 AND notEmpty(reward_components) ${
    ofOneAgentType ? "AND agent_type = {agentType: String}" : ""
  }`;
  return `
    SELECT CAST(agent_type, 'String') AS agent, CAST(code_type, 'String') AS code,
           CAST(variant_id, 'String') AS variant, uniqExact(generation_id), count()
    FROM (
      SELECT agent_type, code_type, variant_id, generation_id FROM outcomes WHERE ${condition}
      UNION ALL
      SELECT agent_type, code_type, variant_id, generation_id FROM generations WHERE ${condition}
    )
    GROUP BY agent, code, variant
    ORDER BY agent, code, variant`;
}

export const clockStatement = "SELECT toUnixTimestamp64Milli(now64(3))";

/** The time of the first decision, and how many there are. Costs nothing over all agent types: parts know it. */
export function firstDecisionStatement(ofOneAgentType: boolean): string {
  return `
    SELECT toUnixTimestamp64Milli(min(decided_at)), count()
    FROM decisions
    ${ofOneAgentType ? "WHERE agent_type = {agentType: String}" : ""}`;
}
