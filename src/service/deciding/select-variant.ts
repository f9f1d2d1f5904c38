import { draw } from "../../bandit/draw.ts";
import {
  answerByMs,
  answerReserveMs,
  requireTimeLeft,
  spoolReserveMs,
} from "../../concurrency/deadline.ts";
import type { DeadlineTimers } from "../../concurrency/deadline-timers.ts";
import { beforeMoment } from "../../concurrency/in-time.ts";
import type { DecisionRecord } from "../../domain/decision.ts";
import { BanditError, invalidField } from "../../domain/errors.ts";
import { formatGenerationId, generationIdBytes } from "../../domain/generation-id.ts";
import type { AgentType } from "../../domain/ids.ts";
import { forgettingPosition } from "../../domain/policy.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import type { CallContext } from "../api/call-context.ts";
import type { Decision, SelectRequest } from "../api/decisions.ts";
import type { CatalogueCache } from "../catalogue/catalogue-cache.ts";
import { type AgentTypeEntry, policyFor } from "../catalogue/catalogue-view.ts";
import type { OutboxWatch } from "../events/outbox-watch.ts";
import type { Spool } from "../outage/spool.ts";
import type { SpooledDecision } from "../outage/spooled-record.ts";
import type { StateGuard } from "../outage/state-guard.ts";
import type { AllocationTable } from "../posteriors/allocation-table.ts";
import { decisionTtlSeconds, retainedUntilMs } from "../recording/retention.ts";
import { decisionEvent } from "./decision-event.ts";
import type { GenerationIdFactory } from "./generation-id-factory.ts";
import type { RecentDecisions } from "./recent-decisions.ts";

export interface SelectVariantDependencies {
  readonly catalogue: CatalogueCache;
  readonly allocations: AllocationTable;
  readonly state: StateStore;
  readonly guard: StateGuard;
  readonly timers: DeadlineTimers;
  readonly outbox: OutboxWatch;
  /** Absent: a decision that cannot be stored is answered, and lost. */
  readonly spool?: Spool;
  readonly ids: GenerationIdFactory;
  readonly recent: RecentDecisions;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** Absent: an unknown agent type is refused. */
  readonly createAgentType?: (agentType: AgentType, context: CallContext) => Promise<void>;
}

const keptOnDisk =
  "the state store cannot be reached: the decision is kept on disk and stored when it can; report on it as always";

/** What the event log says of a decision that was made without the state store. */
const degradedReason = "state_unavailable";

/**
 * Decides which variant a task gets: allocation, draw, then the decision is stored before it is answered.
 * When it cannot be stored in time the answer still comes, marked degraded (invariant I5), and the decision is kept
 * on this machine's disk until it can. A store that has the decision all the same, and was only late to say so,
 * then has the first row of it, which is not marked.
 */
export class SelectVariant {
  readonly #deps: SelectVariantDependencies;

  constructor(dependencies: SelectVariantDependencies) {
    this.#deps = dependencies;
  }

  async execute(request: SelectRequest, context: CallContext): Promise<Decision> {
    const { clock, state, guard, spool, allocations, outbox } = this.#deps;
    requireTimeLeft(context, clock);
    const { view } = this.#deps.catalogue;
    const entry =
      view.findAgentType(request.agentType) ?? (await this.#missing(request.agentType, context));
    const spooled = request.generationId && spool?.findDecision(request.generationId);
    if (spooled) return this.#repeat(request, spooled, context, keptOnDisk);
    const known = request.generationId && this.#deps.recent.find(request.generationId);
    if (known) return this.#repeat(request, known, context);
    const idBytes =
      request.generationId === undefined
        ? this.#deps.ids.next()
        : generationIdBytes(request.generationId);
    const generationId = request.generationId ?? formatGenerationId(idBytes);
    const { allocation, context: seen } = allocations.current(
      entry,
      request.codeType,
      request.features,
    );
    const allowed = request.allowedVariantIds;
    if (entry.mode === "static" && allowed.length > 0 && !allowed.includes(entry.baseline.id)) {
      throw baselineNotAllowed(entry);
    }
    const drawn = draw(allocation, idBytes, allowed.length === 0 ? undefined : allowed);
    if (drawn === undefined) throw this.#noAllowedVariant(request);

    const decidedAtMs = clock.nowMs();
    const policyRecord = policyFor(entry, request.codeType);
    const { policy } = policyRecord;
    const source = entry.mode === "static" ? "static" : drawn.source;
    const record: DecisionRecord = {
      generationId,
      agentType: request.agentType,
      codeType: request.codeType,
      variantId: drawn.variantId,
      decidedAtMs,
      retainedUntilMs: retainedUntilMs(policy, decidedAtMs),
      source,
      propensity: drawn.propensity,
      allocationVersion: allocation.version,
      forgettingPosition: forgettingPosition(policyRecord, decidedAtMs),
      ...(seen === undefined ? {} : { context: seen }),
    };
    const eventInput = {
      record,
      request,
      variantIds: drawn.variantIds,
      probabilities: drawn.probabilities,
      mode: entry.mode,
    };
    const event = decisionEvent(eventInput);
    const ttlSeconds = decisionTtlSeconds(policy);
    // Of a store that is out of reach it is not known how full it is now; the spool has a bound of its own.
    const full = guard.available ? outbox.noRoomForDecision() : undefined;
    if (full !== undefined) return this.#unrecorded(record, full);
    // Asked now: the wall clock, in which deadlines are told, may be set right while the store is waited for.
    const keptByMs = answerByMs(context, { clock, reserveMs: answerReserveMs });
    let earlier: DecisionRecord | undefined;
    try {
      earlier = await guard.call(
        () => state.recordDecision({ record, event, ttlSeconds }),
        answerByMs(context, {
          clock,
          reserveMs: spool === undefined ? answerReserveMs : spoolReserveMs,
        }),
      );
    } catch (error) {
      requireExpected(error);
      const { row } = decisionEvent({ ...eventInput, degradedReason });
      const decision = { record, row, ttlSeconds };
      return this.#degraded({ request, decision, context, keptByMs }, error);
    }
    if (earlier !== undefined) return this.#repeat(request, earlier, context);
    this.#deps.recent.add(record);
    this.#deps.telemetry.count("bandit_decisions_total", { source });
    return this.#answer(record, "");
  }

  async #missing(agentType: AgentType, context: CallContext): Promise<AgentTypeEntry> {
    const { catalogue, createAgentType } = this.#deps;
    if (createAgentType !== undefined) {
      await this.#inTime(createAgentType(agentType, context), context);
    }
    return this.#inTime(catalogue.getAgentType(agentType), context);
  }

  #inTime<Result>(lookUp: Promise<Result>, context: CallContext): Promise<Result> {
    const { clock, timers } = this.#deps;
    const atMs = answerByMs(context, { clock, reserveMs: answerReserveMs });
    return beforeMoment(lookUp, { timers, atMs, what: "reading the catalogue" });
  }

  /** The generation was decided before: the same id always gets the same answer. */
  async #repeat(
    request: SelectRequest,
    earlier: DecisionRecord,
    context: CallContext,
    degradedReason = "",
  ): Promise<Decision> {
    if (earlier.agentType !== request.agentType || earlier.codeType !== request.codeType) {
      throw new BanditError(
        "already_exists",
        `generation_id ${earlier.generationId} was decided before, for ` +
          `${earlier.agentType} / ${earlier.codeType}`,
        {
          reason: "GENERATION_ID_TAKEN",
          violations: [
            { field: "generation_id", description: "belongs to another agent type or code type" },
          ],
        },
      );
    }
    // Another replica may have decided, for a variant that is new.
    await this.#inTime(this.#deps.catalogue.getVariant(earlier.variantId), context);
    this.#deps.recent.add(earlier);
    return this.#answer(earlier, degradedReason);
  }

  /** The store has not taken the decision in time: it is kept on disk, and where that fails too it is answered only. */
  async #degraded(
    {
      request,
      decision,
      context,
      keptByMs,
    }: {
      readonly request: SelectRequest;
      readonly decision: SpooledDecision;
      readonly context: CallContext;
      /** Moment of the monotonic clock. */
      readonly keptByMs: number;
    },
    cause: BanditError,
  ): Promise<Decision> {
    const { spool, timers, recent, logger } = this.#deps;
    let error = cause;
    if (spool !== undefined) {
      try {
        const kept = await beforeMoment(spool.addDecision(decision), {
          timers,
          atMs: keptByMs,
          what: "keeping the decision on disk",
        });
        if (kept !== decision.record) return await this.#repeat(request, kept, context, keptOnDisk);
        recent.add(kept);
        return this.#answer(kept, keptOnDisk);
      } catch (failure) {
        requireExpected(failure);
        error = failure;
      }
    }
    logger.warn("a decision was answered without being stored", { error });
    return this.#unrecorded(decision.record, error);
  }

  #unrecorded(record: DecisionRecord, { reason }: BanditError): Decision {
    this.#deps.telemetry.count("bandit_decisions_unrecorded_total", { reason });
    return this.#answer(
      record,
      `the decision was not stored (${reason}); outcomes for it may be refused`,
    );
  }

  #answer(record: DecisionRecord, degradedReason: string): Decision {
    return {
      generationId: record.generationId,
      variant: this.#deps.catalogue.view.getVariant(record.variantId),
      source: record.source,
      propensity: record.propensity,
      allocationVersion: record.allocationVersion,
      experimentId: record.experiment?.id ?? "",
      experimentArm: record.experiment?.arm ?? "",
      degraded: degradedReason !== "",
      degradedReason,
    };
  }

  #noAllowedVariant(request: SelectRequest): BanditError {
    const { view } = this.#deps.catalogue;
    for (const [index, id] of request.allowedVariantIds.entries()) {
      if (view.findVariant(id)?.agentType !== request.agentType) {
        return invalidField(
          `allowed_variant_ids[${index}]`,
          `"${id}" is not a variant of agent type "${request.agentType}"`,
        );
      }
    }
    return new BanditError("failed_precondition", "none of the allowed variants is active", {
      reason: "NO_ALLOWED_VARIANT_ACTIVE",
      violations: [{ field: "allowed_variant_ids", description: "holds no active variant" }],
    });
  }
}

/** @throws what is not one of the failures of a store that the service goes on in spite of. */
function requireExpected(error: unknown): asserts error is BanditError {
  const expected =
    error instanceof BanditError &&
    ["unavailable", "deadline_exceeded", "resource_exhausted"].includes(error.code);
  if (!expected) throw error;
}

/** The kill switch must not be got round by a list of allowed variants. */
function baselineNotAllowed(entry: AgentTypeEntry): BanditError {
  return new BanditError(
    "failed_precondition",
    `the mode is static, so only the baseline "${entry.baseline.id}" is served, which is not allowed`,
    {
      reason: "BASELINE_NOT_ALLOWED",
      violations: [
        { field: "allowed_variant_ids", description: "lacks the baseline, and the mode is static" },
      ],
      metadata: { baseline_variant_id: entry.baseline.id },
    },
  );
}
