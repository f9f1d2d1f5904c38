import { outcomeContributions } from "../bandit/reward.ts";
import { invalidField } from "../domain/errors.ts";
import { formatGenerationId } from "../domain/generation-id.ts";
import type { OutcomeId } from "../domain/ids.ts";
import type { Outcome, OutcomeContent, OutcomeStatus } from "../domain/outcome.ts";
import type { Clock } from "../ports/clock.ts";
import type { OutcomeRow } from "../ports/event-rows.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { UserIdHasher } from "../ports/user-id-hasher.ts";
import type { AllocationTable } from "./allocation-table.ts";
import type { CallContext, OutcomeResult } from "./bandit-service.ts";
import { beforeDeadline } from "./before-deadline.ts";
import type { CatalogueCache } from "./catalogue-cache.ts";
import { contributionColumns } from "./contribution-columns.ts";
import { contributionTarget } from "./contribution-target.ts";
import { formatEventTime } from "./event-time.ts";
import type { DecisionFinder } from "./find-decision.ts";
import type { GenerationIdFactory } from "./generation-id-factory.ts";
import { learningTerms } from "./learning-terms.ts";
import { outcomeMetrics } from "./outcome-metrics.ts";

/** A reporter's clock may be this far ahead of ours. */
const clockSkewMsMax = 5 * 60_000;

export interface RecordOutcomeDependencies {
  readonly catalogue: CatalogueCache;
  readonly allocations: AllocationTable;
  readonly decisions: DecisionFinder;
  readonly state: StateStore;
  readonly ids: GenerationIdFactory;
  readonly userIds: UserIdHasher;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Books one outcome: what it is worth by the policy, in one atomic step with its event. */
export class RecordOutcome {
  readonly #deps: RecordOutcomeDependencies;

  constructor(dependencies: RecordOutcomeDependencies) {
    this.#deps = dependencies;
  }

  async execute(outcome: Outcome, context: CallContext): Promise<OutcomeResult> {
    return beforeDeadline(this.#record(outcome), {
      clock: this.#deps.clock,
      deadlineMs: context.deadlineMs,
      what: "storing the outcome",
    });
  }

  async #record(outcome: Outcome): Promise<OutcomeResult> {
    const { catalogue, allocations, decisions, state, clock, telemetry } = this.#deps;
    const nowMs = clock.nowMs();
    const occurredAtMs = outcome.occurredAtMs ?? nowMs;
    if (occurredAtMs > nowMs + clockSkewMsMax) {
      throw invalidField("occurred_at", "lies more than five minutes in the future");
    }
    const metrics = outcomeMetrics(outcome.content);
    const found = await decisions.get(outcome.generationId);
    const { record } = found;
    const { outcomeId: reportedId } = outcome;
    // What was booked of an expired generation is remembered by the event log only.
    if (
      reportedId !== undefined &&
      found.history?.outcomes.some((row) => row.outcome_id === reportedId)
    ) {
      return this.#answer(reportedId, "duplicate", outcome.content);
    }
    const entry = await catalogue.getAgentType(record.agentType);
    const terms = learningTerms(entry, found, { nowMs, telemetry });
    const booked = outcomeContributions(terms.policy.reward, metrics);
    const learned = terms.learns && booked.length > 0 && allocations.admit(record);
    const outcomeId =
      reportedId ?? (formatGenerationId(this.#deps.ids.next()) as string as OutcomeId);
    const row: OutcomeRow = {
      outcome_id: outcomeId,
      generation_id: record.generationId,
      agent_type: record.agentType,
      code_type: record.codeType,
      variant_id: record.variantId,
      source: outcome.content.source,
      metrics,
      ...this.#describe(outcome.content),
      ...contributionColumns(booked, learned),
      late: terms.late ? 1 : 0,
      decided_at: formatEventTime(record.decidedAtMs),
      occurred_at: formatEventTime(occurredAtMs),
      received_at: formatEventTime(nowMs),
    };
    const { status: applied } = await state.applyContributions({
      ...contributionTarget(record),
      forgettingPosition: terms.forgettingPosition,
      eventId: `outcome:${outcomeId}`,
      occurredAtMs,
      contributions: learned ? booked : [],
      event: { stream: "outcomes", row: JSON.stringify(row) },
      ttlSeconds: terms.ledgerTtlSeconds,
    });
    const status = this.#status(applied, { late: terms.late, learned });
    return this.#answer(outcomeId, status, outcome.content);
  }

  #answer(outcomeId: OutcomeId, status: OutcomeStatus, content: OutcomeContent): OutcomeResult {
    this.#deps.telemetry.count("bandit_outcomes_total", { status, source: content.source });
    return { outcomeId, status };
  }

  #status(
    applied: "applied" | "replaced" | "superseded" | "duplicate",
    terms: { late: boolean; learned: boolean },
  ): OutcomeStatus {
    if (applied === "duplicate" || terms.learned) return applied;
    return terms.late ? "late" : "not_learned";
  }

  #describe(
    content: OutcomeContent,
  ): Pick<OutcomeRow, "action" | "comment" | "user_hash" | "ci_pipeline" | "ci_url"> {
    return {
      action: content.source === "user_action" ? content.action : "",
      comment: content.source === "user_rating" ? content.comment : "",
      user_hash: "userId" in content ? this.#deps.userIds.hash(content.userId) : "",
      ci_pipeline: content.source === "ci" ? content.pipeline : "",
      ci_url: content.source === "ci" ? content.url : "",
    };
  }
}
