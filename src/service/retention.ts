import type { DecisionRecord } from "../domain/decision.ts";
import type { Policy } from "../domain/policy.ts";

/** How long a record is kept when late outcomes are learned from too. */
const lateLearningSeconds = 30 * 24 * 3600;

/**
 * Contributions outlive the last moment at which something may be learned by this much: the clocks of
 * replicas and stores differ, and events need a moment to reach the event log, which answers from then on.
 */
const ledgerSlackSeconds = 60;

/**
 * The same where a default reward is booked after the window: known outcomes must keep it from counting, for as
 * long as it may be booked.
 */
const ledgerSlackWithDefaultSeconds = 3600;

/** Default rewards are booked within this time after the window has closed, or never. */
export const defaultRewardSecondsMax = ledgerSlackWithDefaultSeconds - 600;

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
  return Math.max(retentionSeconds(policy), decisionSecondsMin);
}

/**
 * How long what a generation has contributed is kept after an event: for as long as something may be
 * learned about it, so that a second value replaces the first one and is never added to it.
 */
export function ledgerTtlSeconds(policy: Policy, record: DecisionRecord, nowMs: number): number {
  const remainingSeconds = Math.ceil((record.retainedUntilMs - nowMs) / 1000);
  return Math.max(remainingSeconds, retentionSeconds(policy)) + slackSeconds(policy);
}

function slackSeconds({ defaultReward }: Policy): number {
  return defaultReward === undefined ? ledgerSlackSeconds : ledgerSlackWithDefaultSeconds;
}

/**
 * The same after a default reward was booked: until no round can book it once more, and for as long as an outcome
 * may replace it. @param record absent: the decision is known to the event log only, so nothing more is learned.
 */
export function defaultLedgerTtlSeconds(
  policy: Policy,
  record: DecisionRecord | undefined,
  nowMs: number,
): number {
  const untilForgottenByRounds = defaultRewardSecondsMax + ledgerSlackWithDefaultSeconds;
  if (record === undefined) return untilForgottenByRounds;
  return Math.max(ledgerTtlSeconds(policy, record, nowMs), untilForgottenByRounds);
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
  return remainingSeconds + slackSeconds(policy);
}
