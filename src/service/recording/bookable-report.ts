import { generationContributions, outcomeContributions } from "../../bandit/reward.ts";
import type { Contribution } from "../../domain/contribution.ts";
import type { DecisionRecord } from "../../domain/decision.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { RewardSpec } from "../../domain/policy.ts";
import type { GenerationHistory } from "../../ports/event-log.ts";
import type { ContributionColumns, GenerationRow, OutcomeRow } from "../../ports/event-rows.ts";
import type { OutboxEvent } from "../../ports/state-store.ts";
import { formatEventTime } from "../events/event-time.ts";
import type { ReceivedGeneration, ReceivedOutcome, ReceivedReport } from "./received-reports.ts";

/** What a kind of report brings to its booking. */
export interface BookableReport {
  readonly generationId: GenerationId;
  /** Stored once per generation: the same event again is a duplicate. */
  readonly eventId: string;
  readonly occurredAtMs: number;
  readonly receivedAtMs: number;
  /** Whether the event log has it already. */
  isLogged(history: GenerationHistory): boolean;
  contributions(reward: RewardSpec): readonly Contribution[];
  event(decision: DecisionRecord, columns: ContributionColumns & { late: 0 | 1 }): OutboxEvent;
}

export function bookableReport(report: ReceivedReport): BookableReport {
  return report.kind === "outcome"
    ? bookableOutcome(report.outcome)
    : bookableGeneration(report.generation);
}

/** What an outcome is worth, and its row. */
function bookableOutcome(outcome: ReceivedOutcome): BookableReport {
  const { generationId, outcomeId, occurredAtMs, receivedAtMs, source, metrics } = outcome;
  const { action, comment, user_hash, ci_pipeline, ci_url } = outcome;
  return {
    generationId,
    eventId: `outcome:${outcomeId}`,
    occurredAtMs,
    receivedAtMs,
    isLogged: ({ outcomes }) => outcomes.some((row) => row.outcome_id === outcomeId),
    contributions: (reward) => outcomeContributions(reward, metrics),
    event(decision, columns) {
      const row: OutcomeRow = {
        outcome_id: outcomeId,
        generation_id: generationId,
        agent_type: decision.agentType,
        code_type: decision.codeType,
        variant_id: decision.variantId,
        source,
        metrics,
        ...{ action, comment, user_hash, ci_pipeline, ci_url },
        ...columns,
        decided_at: formatEventTime(decision.decidedAtMs),
        occurred_at: formatEventTime(occurredAtMs),
        received_at: formatEventTime(receivedAtMs),
      };
      return { stream: "outcomes", row: JSON.stringify(row) };
    },
  };
}

/** The generation report is one event of its generation; a second report is a duplicate. */
const generationEventId = "generation";

/** What an agent ran for a generation: cost and time count as penalties where the policy says so. */
function bookableGeneration(report: ReceivedGeneration): BookableReport {
  const { generationId, receivedAtMs } = report;
  return {
    generationId,
    eventId: generationEventId,
    occurredAtMs: receivedAtMs,
    receivedAtMs,
    isLogged: ({ generation }) => generation !== undefined,
    contributions: (reward) => generationContributions(reward, report),
    event(decision, columns) {
      const row: GenerationRow = {
        generation_id: generationId,
        agent_type: decision.agentType,
        code_type: decision.codeType,
        variant_id: decision.variantId,
        model: report.model,
        temperature: report.temperature ?? null,
        top_p: report.topP ?? null,
        max_tokens: report.maxTokens ?? null,
        duration_ms: report.durationMs ?? null,
        prompt_tokens: report.promptTokens ?? null,
        completion_tokens: report.completionTokens ?? null,
        cost_usd: report.costUsd ?? null,
        tests_generated: report.testsGenerated ?? null,
        code_hash: report.codeHash,
        content: report.content,
        ...columns,
        decided_at: formatEventTime(decision.decidedAtMs),
        recorded_at: formatEventTime(receivedAtMs),
      };
      return { stream: "generations", row: JSON.stringify(row) };
    },
  };
}
