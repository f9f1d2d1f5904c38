import type { DecisionRecord } from "../../domain/decision.ts";
import type { Policy } from "../../domain/policy.ts";

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
