import type { DecisionRecord } from "../../domain/decision.ts";
import { forgettingPosition, type PolicyRecord } from "../../domain/policy.ts";
import type { Telemetry } from "../../ports/telemetry.ts";

/** Clocks of replicas may be this far apart. */
const skewMsMax = 5 * 60_000;

/**
 * The forgetting position with which a decision counts: its own, unless that lies in the future by more than
 * clocks may differ. One decision from a clock that is days ahead would otherwise make everything learned look
 * days older than it is, and its arm forget as if that time had passed. Events of one generation that are received
 * while a clock is wrong, and after, are booked at different positions: the smallest counts (`GenerationChange`).
 */
export function bookedPosition(
  record: Pick<DecisionRecord, "forgettingPosition">,
  policy: PolicyRecord,
  options: { readonly nowMs: number; readonly telemetry: Telemetry },
): number {
  const booked = positionBookedAt(record, policy, options.nowMs);
  if (booked < record.forgettingPosition) options.telemetry.count("bandit_decisions_ahead_total");
  return booked;
}

/** The same at any moment, without counting: what an event that was received then was booked with. */
export function positionBookedAt(
  record: Pick<DecisionRecord, "forgettingPosition">,
  policy: PolicyRecord,
  receivedAtMs: number,
): number {
  if (record.forgettingPosition === 0) return 0;
  return Math.min(record.forgettingPosition, forgettingPosition(policy, receivedAtMs + skewMsMax));
}
