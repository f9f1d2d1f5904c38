import type { DecisionRecord } from "../../domain/decision.ts";
import {
  generationIdBytes,
  generationIdTimestampMs,
  generationIdVersion,
} from "../../domain/generation-id.ts";
import type { GenerationId } from "../../domain/ids.ts";
import { forgettingPosition, type Policy, type PolicyRecord } from "../../domain/policy.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { CatalogueView } from "../catalogue/catalogue-view.ts";

/** Clocks of replicas, and of those who report, may be this far apart. */
export const clockSkewMsMax = 5 * 60_000;

/** How long a record is kept when late outcomes are learned from too. */
const lateLearningSeconds = 30 * 24 * 3600;

/**
 * What was received in time but could not be booked then, because the state store was away, is learned from until this
 * long after the retention: so much of an outage may lie behind the attribution window. An hour more of a window of
 * a day is 4 % more memory for decisions, some 40 bytes each.
 */
export const spooledLearningSecondsMax = 3600;

/** A decision outlives its retention by this, so that spooled reports still find it. */
const decisionSlackSeconds = spooledLearningSecondsMax;

/**
 * Clocks of replicas and stores differ, and events need a moment to reach the event log, which answers from the end of
 * a ledger on.
 */
const clockSlackSeconds = 600;

/**
 * Contributions outlive the retention by this, so their decision, too. So what the store still has the decision of, it
 * has the contributions of, by its own clock; and for this much longer than the decision was last seen there.
 */
const ledgerSlackSeconds = decisionSlackSeconds + clockSlackSeconds;

/** Memory of a decision that was seen in the store is relied on for this long: its ledger is sure to be there. */
export const decisionMemorySeconds = clockSlackSeconds - 60;

/**
 * Default rewards are booked within this time after the window has closed, or never. Known outcomes keep one from
 * counting, so it is shorter than their slack.
 */
export const defaultRewardSecondsMax = 3000;

/** A decision is in the state store for this long at least, however short its attribution window is. */
const decisionSecondsMin = 120;

const unixSecondsMax = 2 ** 32 - 1;

/** How long after a decision, or after an event about it, something may be learned about it. */
function retentionSeconds(policy: Policy): number {
  return policy.learnFromLateOutcomes
    ? Math.max(policy.attributionWindowSeconds, lateLearningSeconds)
    : policy.attributionWindowSeconds;
}

/** The promise that a decision made now carries with it, see {@link DecisionRecord.retainedUntilMs}. */
export function retainedUntilMs(policy: Policy, decidedAtMs: number): number {
  return Math.min(Math.ceil(decidedAtMs / 1000) + retentionSeconds(policy), unixSecondsMax) * 1000;
}

/** How long the state store keeps a decision, from the moment it was made. */
export function decisionTtlSeconds(policy: Policy): number {
  return Math.max(retentionSeconds(policy), decisionSecondsMin) + decisionSlackSeconds;
}

/**
 * How long what a generation has contributed is kept after an event: for as long as something may be
 * learned about it, so that a second value replaces the first one and is never added to it.
 */
export function ledgerTtlSeconds(policy: Policy, record: DecisionRecord, nowMs: number): number {
  const remainingSeconds = Math.ceil((record.retainedUntilMs - nowMs) / 1000);
  return Math.max(remainingSeconds, retentionSeconds(policy)) + ledgerSlackSeconds;
}

/**
 * The same after a default reward was booked: until no round can book it once more, and for as long as an outcome
 * may replace it. @param record absent: the decision is known to the event log only, so nothing more is learned.
 */
export function defaultLedgerTtlSeconds(record: DecisionRecord | undefined, nowMs: number): number {
  const untilForgottenByRounds = defaultRewardSecondsMax + 3600;
  if (record === undefined) return untilForgottenByRounds;
  const remainingSeconds = Math.ceil((record.retainedUntilMs - nowMs) / 1000);
  return Math.max(remainingSeconds + ledgerSlackSeconds, untilForgottenByRounds);
}

/** For how long a decision made then is still to be kept; 0 or less: no longer. */
export function restoredDecisionTtlSeconds(
  policy: Policy,
  decidedAtMs: number,
  nowMs: number,
): number {
  return Math.ceil((decidedAtMs - nowMs) / 1000) + decisionTtlSeconds(policy);
}

/** For how long what a generation has contributed is still to be kept; 0 or less: nothing can change it any more. */
export function restoredLedgerTtlSeconds(
  policy: Policy,
  decidedAtMs: number,
  nowMs: number,
): number {
  const remainingSeconds = Math.ceil((retainedUntilMs(policy, decidedAtMs) - nowMs) / 1000);
  return remainingSeconds + ledgerSlackSeconds;
}

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
  return Math.min(
    record.forgettingPosition,
    forgettingPosition(policy, receivedAtMs + clockSkewMsMax),
  );
}

/**
 * Whether an unknown generation may have been decided by a replica that is away now and has the decision in its spool: an
 * id of version 7 tells when it was made, and the decision counts for as long as one that was made then is kept, by
 * the policy that keeps them longest. False for ids that tell no time: agents that make their own may make any.
 */
export function decisionMayStillArrive(
  generationId: GenerationId,
  { view, nowMs }: { readonly view: CatalogueView; readonly nowMs: number },
): boolean {
  const bytes = generationIdBytes(generationId);
  if (generationIdVersion(bytes) !== 7) return false;
  const ageMs = nowMs - generationIdTimestampMs(bytes);
  return ageMs >= -clockSkewMsMax && ageMs <= longestKeptSeconds(view) * 1000;
}

/** An hour at least: every decision is kept for longer than its retention by so much. */
function longestKeptSeconds(view: CatalogueView): number {
  const known = longestKept.get(view);
  if (known !== undefined) return known;
  let longest = 3600;
  for (const { policy, overrides } of view.listAgentTypes()) {
    for (const record of [policy, ...overrides.values()]) {
      longest = Math.max(longest, decisionTtlSeconds(record.policy));
    }
  }
  longestKept.set(view, longest);
  return longest;
}

/** A view never changes. */
const longestKept = new WeakMap<CatalogueView, number>();
