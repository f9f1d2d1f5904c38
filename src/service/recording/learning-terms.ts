import type { DecisionRecord } from "../../domain/decision.ts";
import type { Policy } from "../../domain/policy.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { type AgentTypeEntry, policyFor } from "../catalogue/catalogue-view.ts";
import { bookedPosition, ledgerTtlSeconds } from "./retention.ts";

/** Whether and how an event about a decision is learned from. */
export interface LearningTerms {
  readonly policy: Policy;
  /** The event came after the attribution window. */
  readonly late: boolean;
  readonly learns: boolean;
  /** Where the generation counts, see {@link bookedPosition}. */
  readonly forgettingPosition: number;
  /** How long the generation's contributions are to be kept. */
  readonly ledgerTtlSeconds: number;
}

/** When an event came and when it is booked: not the same where it was spooled in between. */
export interface LearningMoment {
  readonly receivedAtMs: number;
  readonly nowMs: number;
  readonly wasSpooled: boolean;
  readonly telemetry: Telemetry;
}

/**
 * An event is learned from while the mode is learning and, when it was received, the attribution window was
 * open. After the window it is only if the policy says so, and never when the decision is expired by now: what it
 * contributed before is no longer known, so it could be counted twice. For spooled events, that is an hour later than
 * for others ({@link DecisionFinder.get}). So an outage that outlasts the end of a generation's retention by more costs
 * what was to be learned from its spooled events, which are logged.
 */
export function learningTerms(
  entry: AgentTypeEntry,
  found: { record: DecisionRecord; expired: boolean },
  { receivedAtMs, nowMs, wasSpooled, telemetry }: LearningMoment,
): LearningTerms {
  const record = policyFor(entry, found.record.codeType);
  const { policy } = record;
  const ageSeconds = (receivedAtMs - found.record.decidedAtMs) / 1000;
  const late = (found.expired && !wasSpooled) || ageSeconds > policy.attributionWindowSeconds;
  const learns =
    entry.mode === "learning" && !found.expired && (!late || policy.learnFromLateOutcomes);
  return {
    policy,
    late,
    learns,
    forgettingPosition: bookedPosition(found.record, record, { nowMs: receivedAtMs, telemetry }),
    ledgerTtlSeconds: ledgerTtlSeconds(policy, found.record, nowMs),
  };
}
