import { outcomeContributions } from "../../bandit/reward.ts";
import { requireTimeLeft } from "../../concurrency/deadline.ts";
import { invalidField } from "../../domain/errors.ts";
import { formatGenerationId } from "../../domain/generation-id.ts";
import type { OutcomeId } from "../../domain/ids.ts";
import type { Outcome, OutcomeStatus } from "../../domain/outcome.ts";
import type { Clock } from "../../ports/clock.ts";
import type { OutcomeRow } from "../../ports/event-rows.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { UserIdHasher } from "../../ports/user-id-hasher.ts";
import type { CallContext } from "../api/call-context.ts";
import type { OutcomeResult } from "../api/decisions.ts";
import type { CatalogueCache } from "../catalogue/catalogue-cache.ts";
import type { GenerationIdFactory } from "../deciding/generation-id-factory.ts";
import { formatEventTime } from "../events/event-time.ts";
import type { OutboxWatch } from "../events/outbox-watch.ts";
import type { ReceivedOutcome } from "../outage/spooled-record.ts";
import type { StateGuard } from "../outage/state-guard.ts";
import type { AllocationTable } from "../posteriors/allocation-table.ts";
import { contributionColumns } from "./contribution-columns.ts";
import { contributionTarget } from "./contribution-target.ts";
import type { DecisionFinder } from "./find-decision.ts";
import { learningTerms } from "./learning-terms.ts";
import { outcomeMetrics } from "./outcome-metrics.ts";
import type { ReportIntake } from "./report-intake.ts";

/** A reporter's clock may be this far ahead of ours. */
const clockSkewMsMax = 5 * 60_000;

export interface RecordOutcomeDependencies {
  readonly catalogue: CatalogueCache;
  readonly allocations: AllocationTable;
  readonly decisions: DecisionFinder;
  readonly state: StateStore;
  readonly guard: StateGuard;
  readonly intake: ReportIntake;
  readonly outbox: OutboxWatch;
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
    const { clock, intake, telemetry } = this.#deps;
    requireTimeLeft(context, clock);
    const received = this.#receive(outcome);
    const { source, outcomeId } = received;
    const book = () => this.book(received);
    const status = await intake.take({ kind: "outcome", outcome: received }, book, context);
    telemetry.count("bandit_outcomes_total", { status, source });
    return { outcomeId, status };
  }

  /**
   * Books what was received, now or from the spool; recognises what was booked before (invariant I4).
   * @param options.wasSpooled it was received before now, so that the end of the retention meanwhile is not its own fault.
   * @throws BanditError
   */
  async book(
    received: ReceivedOutcome,
    options: { readonly wasSpooled?: boolean; readonly askEventLog?: boolean } = {},
  ): Promise<Exclude<OutcomeStatus, "spooled">> {
    const { catalogue, allocations, decisions, state, guard, clock, telemetry } = this.#deps;
    const { outcomeId, generationId, source, metrics, occurredAtMs, receivedAtMs } = received;
    const { action, comment, user_hash, ci_pipeline, ci_url } = received;
    this.#deps.outbox.requireRoomForReport("outcome", {
      wasAcknowledged: options.wasSpooled ?? false,
    });
    const found = await decisions.get(generationId, options);
    const { record } = found;
    // What was booked of an expired generation is remembered by the event log only.
    if (found.history?.outcomes.some((row) => row.outcome_id === outcomeId)) return "duplicate";
    const entry = await catalogue.getAgentType(record.agentType);
    const terms = learningTerms(entry, found, {
      receivedAtMs,
      nowMs: clock.nowMs(),
      wasSpooled: options.wasSpooled ?? false,
      telemetry,
    });
    const booked = outcomeContributions(terms.policy.reward, metrics);
    const learned = terms.learns && booked.length > 0 && allocations.admit(record);
    const row: OutcomeRow = {
      outcome_id: outcomeId,
      generation_id: record.generationId,
      agent_type: record.agentType,
      code_type: record.codeType,
      variant_id: record.variantId,
      source,
      metrics,
      action,
      comment,
      user_hash,
      ci_pipeline,
      ci_url,
      ...contributionColumns(booked, learned),
      late: terms.late ? 1 : 0,
      decided_at: formatEventTime(record.decidedAtMs),
      occurred_at: formatEventTime(occurredAtMs),
      received_at: formatEventTime(receivedAtMs),
    };
    const { status } = await guard.call(() =>
      state.applyContributions({
        ...contributionTarget(record),
        forgettingPosition: terms.forgettingPosition,
        eventId: `outcome:${outcomeId}`,
        occurredAtMs,
        contributions: learned ? booked : [],
        event: { stream: "outcomes", row: JSON.stringify(row) },
        ttlSeconds: terms.ledgerTtlSeconds,
      }),
    );
    return this.#status(status, { late: terms.late, learned });
  }

  /** Everything that needs no decision. @throws BanditError invalid_argument */
  #receive(outcome: Outcome): ReceivedOutcome {
    const { clock, ids, userIds } = this.#deps;
    const { content } = outcome;
    const receivedAtMs = clock.nowMs();
    const occurredAtMs = outcome.occurredAtMs ?? receivedAtMs;
    if (occurredAtMs > receivedAtMs + clockSkewMsMax) {
      throw invalidField("occurred_at", "lies more than five minutes in the future");
    }
    return {
      outcomeId: outcome.outcomeId ?? (formatGenerationId(ids.next()) as string as OutcomeId),
      generationId: outcome.generationId,
      occurredAtMs,
      receivedAtMs,
      source: content.source,
      metrics: outcomeMetrics(content),
      action: content.source === "user_action" ? content.action : "",
      comment: content.source === "user_rating" ? content.comment : "",
      user_hash: "userId" in content ? userIds.hash(content.userId) : "",
      ci_pipeline: content.source === "ci" ? content.pipeline : "",
      ci_url: content.source === "ci" ? content.url : "",
    };
  }

  #status(
    applied: "applied" | "replaced" | "superseded" | "duplicate",
    terms: { late: boolean; learned: boolean },
  ): Exclude<OutcomeStatus, "spooled"> {
    if (applied === "duplicate" || terms.learned) return applied;
    return terms.late ? "late" : "not_learned";
  }
}
