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
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import type { CallContext } from "../api/call-context.ts";
import type { Decision, SelectRequest } from "../api/decisions.ts";
import type { CatalogueCache } from "../catalogue/catalogue-cache.ts";
import { type AgentTypeEntry, policyFor } from "../catalogue/catalogue-view.ts";
import type { OutboxBound } from "../events/outbox-bound.ts";
import type { AllocationTable } from "../posteriors/allocation-table.ts";
import type { RecentDecisions } from "../recording/recent-decisions.ts";
import { decisionTtlSeconds, retainedUntilMs } from "../recording/retention.ts";
import type { OnlineState } from "../state/online-state.ts";
import { type DecisionEventInput, decisionEvent } from "./decision-event.ts";
import type { DecisionSpool, UnstoredDecision } from "./decision-spool.ts";
import type { GenerationIdFactory } from "./generation-id-factory.ts";

export interface SelectVariantDependencies {
  readonly catalogue: CatalogueCache;
  readonly allocations: AllocationTable;
  readonly online: OnlineState;
  readonly timers: DeadlineTimers;
  readonly outbox: OutboxBound;
  /** Undefined: a decision that cannot be stored is answered, and lost. */
  readonly spool: DecisionSpool | undefined;
  readonly ids: GenerationIdFactory;
  readonly recent: RecentDecisions;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** Undefined: an unknown agent type is refused. */
  readonly createAgentType:
    | ((agentType: AgentType, context: CallContext) => Promise<void>)
    | undefined;
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
    const { clock, online, spool, outbox, recent } = this.#deps;
    requireTimeLeft(context, clock);
    const { view } = this.#deps.catalogue;
    const entry =
      view.findAgentType(request.agentType) ?? (await this.#missing(request.agentType, context));
    const spooled = request.generationId && spool?.findDecision(request.generationId);
    if (spooled) {
      recent.add(spooled);
      return this.#repeat(request, spooled, context, keptOnDisk);
    }
    // Not added to the recent ones anew: an entry counts from the moment at which the store was known to have it.
    const known = request.generationId && recent.find(request.generationId);
    if (known) return this.#repeat(request, known, context);
    const decided = this.#decide(request, entry);
    const { record } = decided;
    const event = decisionEvent(decided);
    const ttlSeconds = decisionTtlSeconds(policyFor(entry, request.codeType).policy);
    // How full a store is now is not known while it is out of reach; the spool has a bound of its own.
    const full = online.available ? outbox.noRoomForDecision() : undefined;
    if (full !== undefined) return this.#unrecorded(record, full);
    const keptByMs = answerByMs(context, { clock, reserveMs: answerReserveMs });
    let earlier: DecisionRecord | undefined;
    try {
      const reserveMs = spool === undefined ? answerReserveMs : spoolReserveMs;
      const byMs = answerByMs(context, { clock, reserveMs });
      earlier = await online.recordDecision({ record, event, ttlSeconds }, { byMs });
    } catch (error) {
      requireExpected(error);
      const { row } = decisionEvent({ ...decided, degradedReason });
      const decision = { record, row, ttlSeconds };
      return this.#degraded({ request, decision, context, keptByMs }, error);
    }
    recent.add(earlier ?? record);
    if (earlier !== undefined) return this.#repeat(request, earlier, context);
    this.#deps.telemetry.count("bandit_decisions_total", { source: record.source });
    return this.#answer(record, "");
  }

  /** Draws a variant, by the allocation in force. @throws BanditError invalid_argument, failed_precondition */
  #decide(request: SelectRequest, entry: AgentTypeEntry): DecisionEventInput {
    const idBytes =
      request.generationId === undefined
        ? this.#deps.ids.next()
        : generationIdBytes(request.generationId);
    const generationId = request.generationId ?? formatGenerationId(idBytes);
    const { allocation, context: seen } = this.#deps.allocations.current(
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
    request.requireRoom?.(this.#deps.catalogue.view.getVariant(drawn.variantId));

    const decidedAtMs = this.#deps.clock.nowMs();
    const policyRecord = policyFor(entry, request.codeType);
    const source = entry.mode === "static" ? "static" : drawn.source;
    const record: DecisionRecord = {
      generationId,
      agentType: request.agentType,
      codeType: request.codeType,
      variantId: drawn.variantId,
      decidedAtMs,
      retainedUntilMs: retainedUntilMs(policyRecord.policy, decidedAtMs),
      source,
      propensity: drawn.propensity,
      allocationVersion: allocation.version,
      forgettingPosition: forgettingPosition(policyRecord, decidedAtMs),
      ...(seen === undefined ? {} : { context: seen }),
    };
    const { variantIds, probabilities } = drawn;
    return { record, request, variantIds, probabilities, mode: entry.mode };
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
    const variant = await this.#inTime(this.#deps.catalogue.getVariant(earlier.variantId), context);
    request.requireRoom?.(variant);
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
      readonly decision: UnstoredDecision;
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
        recent.add(kept);
        if (kept !== decision.record) return await this.#repeat(request, kept, context, keptOnDisk);
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
