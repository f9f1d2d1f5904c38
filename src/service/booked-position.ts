import type { DecisionRecord } from "../domain/decision.ts";
import { forgettingPosition, type PolicyRecord } from "../domain/policy.ts";
import type { Telemetry } from "../ports/telemetry.ts";

/** Clocks of replicas may be this far apart. */
const skewMsMax = 5 * 60_000;

/**
 * The forgetting position with which a decision counts: its own, unless that lies in the future by more than
 * clocks may differ. One decision from a clock that is days ahead would otherwise make everything learned look
 * days older than it is, and its arm forget as if that time had passed.
 */
export function bookedPosition(
  record: Pick<DecisionRecord, "forgettingPosition">,
  policy: PolicyRecord,
  options: { readonly nowMs: number; readonly telemetry: Telemetry },
): number {
  if (record.forgettingPosition === 0) return 0;
  const latest = forgettingPosition(policy, options.nowMs + skewMsMax);
  if (record.forgettingPosition <= latest) return record.forgettingPosition;
  options.telemetry.count("bandit_decisions_ahead_total");
  return latest;
}
