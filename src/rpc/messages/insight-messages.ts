import { toBinary } from "@bufbuild/protobuf";
import {
  durationFromMs,
  type ListValue,
  type Timestamp,
  timestampFromMs,
} from "@bufbuild/protobuf/wkt";
import { BanditError } from "../../domain/errors.ts";
import {
  type ExplainGenerationResponse,
  ExplainGenerationResponseSchema,
  type LoggedContribution,
  type LoggedDecision,
  type LoggedGeneration,
  type LoggedOutcome,
  LoggedOutcomeSchema,
  type QueryResponse,
} from "../../gen/bandit/v1/insight_service_pb.ts";
import type { QueryResult } from "../../ports/event-log.ts";
import type {
  ContributionColumns,
  DecisionRow,
  GenerationRow,
  OutcomeRow,
} from "../../ports/event-rows.ts";
import type { Explanation } from "../../service/api/insight.ts";
import { parseEventTime } from "../../service/events/event-time.ts";
import { answerBytesMax, fittingCount, fittingItems } from "./answer-room.ts";
import { decisionSourceOfText, modeOfText } from "./enums.ts";
import { bytesOfJson, listValueOfJson } from "./json-values.ts";

export function explainGenerationResponse(explanation: Explanation): ExplainGenerationResponse {
  const { history, reward } = explanation;
  const outcomes = history.outcomes.map(loggedOutcome);
  const message: ExplainGenerationResponse = {
    $typeName: "bandit.v1.ExplainGenerationResponse",
    decision: loggedDecision(history.decision),
    generation: history.generation === undefined ? undefined : loggedGeneration(history.generation),
    outcomes: [],
    draw: explanation.draw,
    arms: explanation.arms.map((arm) => ({ $typeName: "bandit.v1.ExplainedArm", ...arm })),
    rederivedVariantId: explanation.rederivedVariantId,
    consistent: explanation.consistent,
    reward:
      reward === undefined ? undefined : { $typeName: "bandit.v1.GenerationReward", ...reward },
    outcomesLeftOut: 0,
  };
  const others = toBinary(ExplainGenerationResponseSchema, message).length;
  const count = fittingCount(LoggedOutcomeSchema, outcomes, others);
  return {
    ...message,
    outcomes: outcomes.slice(0, count),
    outcomesLeftOut: outcomes.length - count,
  };
}

export function queryResponse(result: QueryResult): QueryResponse {
  const rows = result.rows.slice(0, fittingRows(result.rows));
  return {
    $typeName: "bandit.v1.QueryResponse",
    columns: result.columns.map(({ name, type }) => ({
      $typeName: "bandit.v1.QueryColumn",
      name,
      type,
    })),
    rows: rows.map((row): ListValue => listValueOfJson(row)),
    truncated: result.truncated || rows.length < result.rows.length,
    elapsed: durationFromMs(Math.round(result.elapsedMs)),
  };
}

/** @throws BanditError resource_exhausted when not even the first row fits */
function fittingRows(rows: QueryResult["rows"]): number {
  const count = fittingItems(rows, bytesOfJson);
  if (count > 0 || rows.length === 0) return count;
  throw new BanditError(
    "resource_exhausted",
    `one row of the result has more than ${answerBytesMax} bytes`,
    { reason: "QUERY_TOO_LARGE" },
  );
}

function loggedDecision(row: DecisionRow): LoggedDecision {
  return {
    $typeName: "bandit.v1.LoggedDecision",
    generationId: row.generation_id,
    agentType: row.agent_type,
    codeType: row.code_type,
    agentId: row.agent_id,
    conversationId: row.conversation_id,
    variantId: row.variant_id,
    source: decisionSourceOfText(row.source),
    propensity: row.propensity,
    allocationVersion: row.allocation_version,
    features: { ...row.features },
    experimentId: row.experiment_id,
    experimentArm: row.experiment_arm,
    mode: modeOfText(row.mode),
    degraded: row.degraded !== 0,
    degradedReason: row.degraded_reason,
    decidedAt: eventTime(row.decided_at),
  };
}

function loggedGeneration(row: GenerationRow): LoggedGeneration {
  return {
    $typeName: "bandit.v1.LoggedGeneration",
    model: row.model,
    temperature: row.temperature ?? undefined,
    topP: row.top_p ?? undefined,
    maxTokens: row.max_tokens ?? undefined,
    duration: row.duration_ms === null ? undefined : durationFromMs(row.duration_ms),
    promptTokens: row.prompt_tokens ?? undefined,
    completionTokens: row.completion_tokens ?? undefined,
    costUsd: row.cost_usd ?? undefined,
    testsGenerated: row.tests_generated ?? undefined,
    codeHash: row.code_hash,
    content: row.content,
    late: row.late !== 0,
    recordedAt: eventTime(row.recorded_at),
    contributions: contributions(row),
    learned: row.learned !== 0,
  };
}

function loggedOutcome(row: OutcomeRow): LoggedOutcome {
  return {
    $typeName: "bandit.v1.LoggedOutcome",
    outcomeId: row.outcome_id,
    source: row.source,
    metrics: { ...row.metrics },
    action: row.action,
    comment: row.comment,
    userHash: row.user_hash,
    ciPipeline: row.ci_pipeline,
    ciUrl: row.ci_url,
    late: row.late !== 0,
    occurredAt: eventTime(row.occurred_at),
    receivedAt: eventTime(row.received_at),
    contributions: contributions(row),
    learned: row.learned !== 0,
  };
}

function contributions(columns: ContributionColumns): LoggedContribution[] {
  return columns.reward_components.map((component, index) => ({
    $typeName: "bandit.v1.LoggedContribution",
    component,
    value: columns.reward_values[index] ?? 0,
    weight: columns.reward_weights[index] ?? 0,
    penalty: columns.reward_penalties[index] ?? 0,
  }));
}

function eventTime(text: string): Timestamp {
  return timestampFromMs(parseEventTime(text));
}
