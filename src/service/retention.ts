import type { Policy } from "../domain/policy.ts";

/** How long a record is kept when late outcomes are learned from too. */
const lateLearningSeconds = 30 * 24 * 3600;

/**
 * How long decisions and contributions are kept in the live state: for as long as something may be
 * learned about them, so that a second value replaces the first one and is never added to it.
 */
export function retentionSeconds(policy: Policy): number {
  return policy.learnFromLateOutcomes
    ? Math.max(policy.attributionWindowSeconds, lateLearningSeconds)
    : policy.attributionWindowSeconds;
}
