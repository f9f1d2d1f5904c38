import { type DecisionRecord, decisionSources } from "../domain/decision.ts";
import { BanditError } from "../domain/errors.ts";
import { generationIdBytes, generationIdTimestampMs } from "../domain/generation-id.ts";
import type { AgentType, CodeType, GenerationId, VariantId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { DecisionRow } from "../ports/event-rows.ts";
import type { StateStore } from "../ports/state-store.ts";
import { parseEventTime } from "./event-time.ts";
import type { RecentDecisions } from "./recent-decisions.ts";

/** Look-ups in the event log at once; they cost milliseconds, and an unknown id must not. */
const eventLogLookupsMax = 8;

/** Younger decisions than this are always in the state store, so the event log is not asked for them. */
const youngestExpiredMs = 60_000;

/** Finds the decision of a generation: in memory, in the state store, and for old ones in the event log. */
export class DecisionFinder {
  readonly #deps: {
    readonly recent: RecentDecisions;
    readonly state: StateStore;
    readonly eventLog: EventLog;
    readonly clock: Clock;
  };
  #eventLogLookups = 0;

  constructor(dependencies: {
    recent: RecentDecisions;
    state: StateStore;
    eventLog: EventLog;
    clock: Clock;
  }) {
    this.#deps = dependencies;
  }

  /**
   * `expired` tells that nothing may be learned from it any more: its retention has ended, be it that
   * it was found in the event log only, or that a memory or store has kept it for longer than promised.
   * @throws BanditError not_found at once when no such decision was made.
   */
  async get(generationId: GenerationId): Promise<{ record: DecisionRecord; expired: boolean }> {
    const { recent, state, clock } = this.#deps;
    const known = recent.find(generationId) ?? (await state.findDecision(generationId));
    if (known !== undefined) {
      return { record: known, expired: clock.nowMs() > known.retainedUntilMs };
    }
    const madeAtMs = generationIdTimestampMs(generationIdBytes(generationId));
    if (madeAtMs < clock.nowMs() - youngestExpiredMs) {
      const old = await this.#findInEventLog(generationId);
      if (old !== undefined) return { record: old, expired: true };
    }
    throw new BanditError(
      "not_found",
      `generation ${generationId} is unknown; generation_id must come from SelectVariant`,
      { reason: "GENERATION_NOT_FOUND", metadata: { generation_id: generationId } },
    );
  }

  async #findInEventLog(generationId: GenerationId): Promise<DecisionRecord | undefined> {
    if (this.#eventLogLookups >= eventLogLookupsMax) {
      throw new BanditError(
        "resource_exhausted",
        "too many reports on generations that are no longer in the live state at once",
        { reason: "TOO_MANY_LATE_LOOKUPS", retryAfterMs: 1000 },
      );
    }
    this.#eventLogLookups += 1;
    try {
      const history = await this.#deps.eventLog.findGeneration(generationId);
      return history === undefined ? undefined : recordOf(generationId, history.decision);
    } finally {
      this.#eventLogLookups -= 1;
    }
  }
}

function recordOf(generationId: GenerationId, row: DecisionRow): DecisionRecord {
  return {
    generationId,
    agentType: row.agent_type as AgentType,
    codeType: row.code_type as CodeType,
    variantId: row.variant_id as VariantId,
    decidedAtMs: parseEventTime(row.decided_at),
    retainedUntilMs: 0,
    source: decisionSources.find((source) => source === row.source) ?? "fallback",
    propensity: row.propensity,
    allocationVersion: row.allocation_version,
  };
}
