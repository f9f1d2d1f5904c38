import { generationContributions } from "../bandit/reward.ts";
import type { GenerationReport } from "../domain/outcome.ts";
import type { Clock } from "../ports/clock.ts";
import type { GenerationRow } from "../ports/event-rows.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { AllocationTable } from "./allocation-table.ts";
import type { CallContext, RecordResult } from "./bandit-service.ts";
import { beforeDeadline } from "./before-deadline.ts";
import type { CatalogueCache } from "./catalogue-cache.ts";
import { contributionColumns } from "./contribution-columns.ts";
import { contributionTarget } from "./contribution-target.ts";
import { formatEventTime } from "./event-time.ts";
import type { DecisionFinder } from "./find-decision.ts";
import { learningTerms } from "./learning-terms.ts";

/** The generation report is one event of its generation; a second report is a duplicate. */
const generationEventId = "generation";

/** Books what an agent ran for a generation: cost and time count as penalties where the policy says so. */
export class RecordGeneration {
  readonly #deps: {
    readonly catalogue: CatalogueCache;
    readonly allocations: AllocationTable;
    readonly decisions: DecisionFinder;
    readonly state: StateStore;
    readonly clock: Clock;
    readonly telemetry: Telemetry;
    /** Store generated content (invariant I6). */
    readonly storeContent: boolean;
  };

  constructor(dependencies: {
    catalogue: CatalogueCache;
    allocations: AllocationTable;
    decisions: DecisionFinder;
    state: StateStore;
    clock: Clock;
    telemetry: Telemetry;
    storeContent: boolean;
  }) {
    this.#deps = dependencies;
  }

  execute(report: GenerationReport, context: CallContext): Promise<RecordResult> {
    return beforeDeadline(this.#record(report), {
      clock: this.#deps.clock,
      deadlineMs: context.deadlineMs,
      what: "storing the generation",
    });
  }

  async #record(report: GenerationReport): Promise<RecordResult> {
    const { catalogue, allocations, decisions, state, clock, telemetry } = this.#deps;
    const found = await decisions.get(report.generationId);
    // What was booked of an expired generation is remembered by the event log only.
    if (found.history?.generation !== undefined) return this.#answer("duplicate");
    const { record } = found;
    const nowMs = clock.nowMs();
    const entry = await catalogue.getAgentType(record.agentType);
    const terms = learningTerms(entry, found, { nowMs, telemetry });
    const booked = generationContributions(terms.policy.reward, report);
    const learned = terms.learns && booked.length > 0 && allocations.admit(record);
    const row: GenerationRow = {
      generation_id: record.generationId,
      agent_type: record.agentType,
      code_type: record.codeType,
      variant_id: record.variantId,
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
      content: this.#deps.storeContent ? report.content : "",
      ...contributionColumns(booked, learned),
      late: terms.late ? 1 : 0,
      decided_at: formatEventTime(record.decidedAtMs),
      recorded_at: formatEventTime(nowMs),
    };
    const result = await state.applyContributions({
      ...contributionTarget(record),
      forgettingPosition: terms.forgettingPosition,
      eventId: generationEventId,
      occurredAtMs: nowMs,
      contributions: learned ? booked : [],
      event: { stream: "generations", row: JSON.stringify(row) },
      ttlSeconds: terms.ledgerTtlSeconds,
    });
    if (result.status === "duplicate") return this.#answer("duplicate");
    return this.#answer(terms.late ? "late" : "recorded");
  }

  #answer(status: RecordResult["status"]): RecordResult {
    this.#deps.telemetry.count("bandit_generations_total", { status });
    return { status };
  }
}
