import type { DecisionRecord } from "../domain/decision.ts";
import type { Policy } from "../domain/policy.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { bookedPosition } from "./booked-position.ts";
import { type AgentTypeEntry, policyFor } from "./catalogue-view.ts";
import { ledgerTtlSeconds } from "./retention.ts";

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

/**
 * An event is learned from while the mode is learning and the attribution window is open. After the
 * window it is only if the policy says so, and never when the record's retention has ended: what it
 * contributed before is no longer known, so it could be counted twice.
 */
export function learningTerms(
  entry: AgentTypeEntry,
  found: { record: DecisionRecord; expired: boolean },
  { nowMs, telemetry }: { readonly nowMs: number; readonly telemetry: Telemetry },
): LearningTerms {
  const record = policyFor(entry, found.record.codeType);
  const { policy } = record;
  const ageSeconds = (nowMs - found.record.decidedAtMs) / 1000;
  const late = found.expired || ageSeconds > policy.attributionWindowSeconds;
  const learns =
    entry.mode === "learning" && !found.expired && (!late || policy.learnFromLateOutcomes);
  return {
    policy,
    late,
    learns,
    forgettingPosition: bookedPosition(found.record, record, { nowMs, telemetry }),
    ledgerTtlSeconds: ledgerTtlSeconds(policy, found.record, nowMs),
  };
}
