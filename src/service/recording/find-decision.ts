import { WaitingLine } from "../../concurrency/lanes.ts";
import { type DecisionRecord, decisionSources } from "../../domain/decision.ts";
import { BanditError } from "../../domain/errors.ts";
import {
  generationIdBytes,
  generationIdTimestampMs,
  generationIdVersion,
} from "../../domain/generation-id.ts";
import type { AgentType, CodeType, GenerationId, VariantId } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { GenerationHistories, GenerationHistory } from "../../ports/event-log.ts";
import type { DecisionRow } from "../../ports/event-rows.ts";
import { parseEventTime } from "../events/event-time.ts";
import type { OnlineState } from "../state/online-state.ts";
import type { ReportSpool } from "./received-reports.ts";
import type { RecentDecisions } from "./recent-decisions.ts";
import { spooledLearningSecondsMax } from "./retention.ts";

/**
 * Look-ups in the event log at once; they cost milliseconds, and must leave the log to those who query it.
 * The others wait: a full batch of reports, which is a thousand, finds room.
 */
const lookupsRunningMax = 8;
const lookupsWaitingMax = 1_000;

/**
 * A decision is in the state store for longer than this (`decisionTtlSeconds`), so the event log is not
 * asked for a younger one: an unknown id of the last moments costs nothing.
 */
const lastMomentsMs = 60_000;

/** A decision, and what a report on it needs to know. */
export interface FoundDecision {
  readonly record: DecisionRecord;
  /**
   * Nothing may be learned from it any more: its retention has ended, be it that it was found in the
   * event log only, or that a memory or store has kept it for longer than promised.
   */
  readonly expired: boolean;
  /**
   * What the event log has about an expired generation, since its contributions are not remembered any
   * more. Absent when not expired, and while the decision is still on its way to the log.
   */
  readonly history?: GenerationHistory;
}

interface DecisionFinderDependencies {
  readonly recent: RecentDecisions;
  readonly online: OnlineState;
  readonly eventLog: GenerationHistories;
  readonly clock: Clock;
  /** Undefined: nothing is spooled. */
  readonly spool: Pick<ReportSpool, "findDecision"> | undefined;
  /** Whether the state store has lost its data, as it is now. */
  readonly checkStateLost: () => Promise<boolean>;
}

/** Finds the decision of a generation: in memory, in the spool, in the state store, and for old ones in the event log. */
export class DecisionFinder {
  readonly #deps: DecisionFinderDependencies;
  readonly #lookups = new WaitingLine({
    runningMax: lookupsRunningMax,
    waitingMax: lookupsWaitingMax,
    full: tooManyLookups,
  });

  constructor(dependencies: DecisionFinderDependencies) {
    this.#deps = dependencies;
  }

  /**
   * @param options.askEventLog false: what only the event log could tell is `unavailable`.
   * @param options.wasSpooled the report could not be booked when it came, so for as long as its decision's ledger is
   * certain to live it is not expired.
   * @throws BanditError not_found when no such decision was made; resource_exhausted, unavailable.
   */
  async get(
    generationId: GenerationId,
    {
      askEventLog = true,
      wasSpooled = false,
    }: { readonly askEventLog?: boolean; readonly wasSpooled?: boolean } = {},
  ): Promise<FoundDecision> {
    const { recent, online, eventLog, clock, spool, checkStateLost } = this.#deps;
    const record =
      recent.find(generationId) ??
      spool?.findDecision(generationId) ??
      (await online.findDecision(generationId));
    const graceMs = wasSpooled ? spooledLearningSecondsMax * 1000 : 0;
    if (record !== undefined && clock.nowMs() <= record.retainedUntilMs + graceMs) {
      return { record, expired: false };
    }
    // It may be one of those that the store has lost: its reports can be booked when they are back.
    if (record === undefined && (await checkStateLost())) throw stateLost();
    if (record === undefined && isOfLastMoments(generationId, clock.nowMs())) {
      throw unknownGeneration(generationId);
    }
    if (!askEventLog) throw eventLogNotAsked();
    const history = await this.#lookups.run(() => eventLog.findGeneration(generationId));
    if (history !== undefined) {
      return { record: recordOf(generationId, history.decision), expired: true, history };
    }
    // On its way to the log.
    const made = record ?? recent.recall(generationId);
    if (made === undefined) throw unknownGeneration(generationId);
    return { record: made, expired: true };
  }
}

/** False for an id that does not tell when it was made (only version 7 does), or tells a time to come. */
function isOfLastMoments(generationId: GenerationId, nowMs: number): boolean {
  const bytes = generationIdBytes(generationId);
  if (generationIdVersion(bytes) !== 7) return false;
  return Math.abs(nowMs - generationIdTimestampMs(bytes)) <= lastMomentsMs;
}

function unknownGeneration(generationId: GenerationId): BanditError {
  return new BanditError(
    "not_found",
    `generation ${generationId} is unknown; generation_id must come from SelectVariant`,
    { reason: "GENERATION_NOT_FOUND", metadata: { generation_id: generationId } },
  );
}

function stateLost(): BanditError {
  return new BanditError(
    "unavailable",
    "the state store has lost its decisions; `banditd rebuild` puts them back",
    { reason: "STATE_LOST", retryAfterMs: 5000 },
  );
}

function eventLogNotAsked(): BanditError {
  return new BanditError("unavailable", "the event log could not be reached a moment ago", {
    reason: "EVENT_LOG_UNAVAILABLE",
    retryAfterMs: 1000,
  });
}

function tooManyLookups(): BanditError {
  return new BanditError("resource_exhausted", "too many reports on old generations at once", {
    reason: "TOO_MANY_LATE_LOOKUPS",
    retryAfterMs: 1000,
  });
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
    forgettingPosition: row.forgetting_position,
    ...(row.context.length === 0
      ? {}
      : { context: { epoch: row.context_epoch, values: row.context } }),
    ...(row.experiment_id === ""
      ? {}
      : { experiment: { id: row.experiment_id, arm: row.experiment_arm } }),
  };
}
