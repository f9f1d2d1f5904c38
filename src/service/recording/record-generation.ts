import { generationContributions } from "../../bandit/reward.ts";
import { requireTimeLeft } from "../../concurrency/deadline.ts";
import type { GenerationReport } from "../../domain/outcome.ts";
import type { Clock } from "../../ports/clock.ts";
import type { GenerationRow } from "../../ports/event-rows.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { CallContext } from "../api/call-context.ts";
import type { RecordResult } from "../api/decisions.ts";
import type { CatalogueCache } from "../catalogue/catalogue-cache.ts";
import { formatEventTime } from "../events/event-time.ts";
import type { OutboxWatch } from "../events/outbox-watch.ts";
import type { ReceivedGeneration } from "../outage/spooled-record.ts";
import type { StateGuard } from "../outage/state-guard.ts";
import type { AllocationTable } from "../posteriors/allocation-table.ts";
import { contributionColumns } from "./contribution-columns.ts";
import { contributionTarget } from "./contribution-target.ts";
import type { DecisionFinder } from "./find-decision.ts";
import { learningTerms } from "./learning-terms.ts";
import type { ReportIntake } from "./report-intake.ts";

/** The generation report is one event of its generation; a second report is a duplicate. */
const generationEventId = "generation";

export interface RecordGenerationDependencies {
  readonly catalogue: CatalogueCache;
  readonly allocations: AllocationTable;
  readonly decisions: DecisionFinder;
  readonly state: StateStore;
  readonly guard: StateGuard;
  readonly intake: ReportIntake;
  readonly outbox: OutboxWatch;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Store generated content (invariant I6). */
  readonly storeContent: boolean;
}

/** Books what an agent ran for a generation: cost and time count as penalties where the policy says so. */
export class RecordGeneration {
  readonly #deps: RecordGenerationDependencies;

  constructor(dependencies: RecordGenerationDependencies) {
    this.#deps = dependencies;
  }

  async execute(report: GenerationReport, context: CallContext): Promise<RecordResult> {
    const { clock, intake, storeContent, telemetry } = this.#deps;
    requireTimeLeft(context, clock);
    const content = storeContent ? report.content : "";
    const generation: ReceivedGeneration = { ...report, content, receivedAtMs: clock.nowMs() };
    const book = () => this.book(generation);
    const status = await intake.take({ kind: "generation", generation }, book, context);
    telemetry.count("bandit_generations_total", { status });
    return { status };
  }

  /**
   * Books what was received, now or from the spool; recognises what was booked before (invariant I4).
   * @param options.wasSpooled it was received before now, so that the end of the retention meanwhile is not its own fault.
   * @throws BanditError
   */
  async book(
    report: ReceivedGeneration,
    options: { readonly wasSpooled?: boolean; readonly askEventLog?: boolean } = {},
  ): Promise<Exclude<RecordResult["status"], "spooled">> {
    const { catalogue, allocations, decisions, state, guard, clock, telemetry } = this.#deps;
    const { receivedAtMs } = report;
    this.#deps.outbox.requireRoomForReport("generation", {
      wasAcknowledged: options.wasSpooled ?? false,
    });
    const found = await decisions.get(report.generationId, options);
    // What was booked of an expired generation is remembered by the event log only.
    if (found.history?.generation !== undefined) return "duplicate";
    const { record } = found;
    const entry = await catalogue.getAgentType(record.agentType);
    const terms = learningTerms(entry, found, {
      receivedAtMs,
      nowMs: clock.nowMs(),
      wasSpooled: options.wasSpooled ?? false,
      telemetry,
    });
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
      content: report.content,
      ...contributionColumns(booked, learned),
      late: terms.late ? 1 : 0,
      decided_at: formatEventTime(record.decidedAtMs),
      recorded_at: formatEventTime(receivedAtMs),
    };
    const { status } = await guard.call(() =>
      state.applyContributions({
        ...contributionTarget(record),
        forgettingPosition: terms.forgettingPosition,
        eventId: generationEventId,
        occurredAtMs: receivedAtMs,
        contributions: learned ? booked : [],
        event: { stream: "generations", row: JSON.stringify(row) },
        ttlSeconds: terms.ledgerTtlSeconds,
      }),
    );
    if (status === "duplicate") return "duplicate";
    return terms.late ? "late" : "recorded";
  }
}
