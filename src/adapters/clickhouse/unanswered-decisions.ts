import { type DecisionSource, decisionSources } from "../../domain/decision.ts";
import { invariant } from "../../domain/errors.ts";
import type { CodeType, GenerationId, VariantId } from "../../domain/ids.ts";
import type { ListWithoutOutcomeInput, UnansweredDecision } from "../../ports/event-log.ts";

/**
 * The statement of {@link EventLog.listWithoutOutcome}, without its parameters ({@link unansweredParameters}).
 * Both tables are cut to the months of the stretch and, by the sort key, to the agent type; the sort key has
 * no time in it, so of those the times are read. Code types stand in the text because a parameter travels in
 * the address, where thousands of them would not fit.
 */
export function unansweredStatement(input: ListWithoutOutcomeInput): string {
  const stretch = `agent_type = {agentType: String} AND ${codeTypeCondition(input.codeTypes)}
      AND decided_at >= fromUnixTimestamp64Milli({fromMs: Int64}, 'UTC')
      AND decided_at < fromUnixTimestamp64Milli({toMs: Int64}, 'UTC')`;
  const after =
    input.afterGenerationId === undefined
      ? ""
      : "AND (toUnixTimestamp64Milli(decided_at) > {fromMs: Int64} OR toString(generation_id) > {after: String})";
  return `
    SELECT toString(generation_id) AS id, code_type, variant_id, source,
           toUnixTimestamp64Milli(decided_at) AS decided_at_ms,
           forgetting_position, context_epoch, context
    FROM decisions
    WHERE ${stretch} ${after}
      AND generation_id NOT IN (SELECT generation_id FROM outcomes WHERE ${stretch})
    ORDER BY decided_at_ms, id
    LIMIT 1 BY id
    LIMIT {limit: UInt32}`;
}

export function unansweredParameters(input: ListWithoutOutcomeInput): Record<string, unknown> {
  return {
    agentType: input.agentType,
    fromMs: input.decidedFromMs,
    toMs: input.decidedToMs,
    limit: input.limit,
    ...(input.afterGenerationId === undefined ? {} : { after: input.afterGenerationId }),
  };
}

/** A row of {@link unansweredStatement}, 64-bit integers as numbers. */
export interface UnansweredRow {
  readonly id: string;
  readonly code_type: string;
  readonly variant_id: string;
  readonly source: string;
  readonly decided_at_ms: number;
  readonly forgetting_position: number;
  readonly context_epoch: number;
  readonly context: readonly number[];
}

export function unansweredDecision(
  row: UnansweredRow,
  agentType: ListWithoutOutcomeInput["agentType"],
): UnansweredDecision {
  invariant(
    decisionSources.includes(row.source as DecisionSource),
    `decision of unknown source ${row.source}`,
  );
  return {
    generationId: row.id as GenerationId,
    agentType,
    codeType: row.code_type as CodeType,
    variantId: row.variant_id as VariantId,
    decidedAtMs: row.decided_at_ms,
    source: row.source as DecisionSource,
    forgettingPosition: row.forgetting_position,
    ...(row.context.length === 0
      ? {}
      : { context: { epoch: row.context_epoch, values: row.context } }),
  };
}

function codeTypeCondition(codeTypes: ListWithoutOutcomeInput["codeTypes"]): string {
  const [list, word] = "only" in codeTypes ? [codeTypes.only, "IN"] : [codeTypes.except, "NOT IN"];
  if (list.length === 0) return word === "IN" ? "0" : "1";
  const names = list.map((name) => `'${name.replaceAll(/[\\']/g, "\\$&")}'`);
  return `code_type ${word} (${names.join(", ")})`;
}
