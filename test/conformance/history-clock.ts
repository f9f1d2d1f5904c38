import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import type { AgentType, GenerationId } from "../../src/domain/ids.ts";
import type { PolicyRecord } from "../../src/domain/policy.ts";
import type { LoggedEvent, LoggedGeneration } from "../../src/ports/generation-log.ts";
import type { ArmKey } from "../../src/ports/state-store.ts";
import type { Delivery, Place } from "./contribution-model.ts";

const halfLifeSeconds = 1_000;
/** How far ahead of its receipt an event is booked at most. */
const aheadMsMax = 300_000;
/** Later than any position of a history. */
const lateMs = 1e13;

/** A half-life of a thousand seconds, counted from the beginning. */
export const historyPolicy: PolicyRecord = {
  agentType: "evolution" as AgentType,
  policy: { ...defaultPolicy, forgettingHalfLifeSeconds: halfLifeSeconds },
  forgetting: { sinceMs: 0, position: 0 },
  ...{ featuresSinceMs: 0, updatedAtMs: 0, etag: "" },
};

/** The event of a delivery, received when {@link historyPolicy} books it no further than its `positionMax`. */
export function loggedEvent(delivery: Delivery, ingestedAtMs = 0): LoggedEvent {
  const { positionMax } = delivery;
  const receivedAtMs =
    positionMax === undefined ? lateMs : positionMax * halfLifeSeconds * 1000 - aheadMsMax;
  return { ...delivery, receivedAtMs, ingestedAtMs };
}

/** What a log has of a generation that was decided at that place. */
export function loggedGeneration(
  arm: ArmKey & { readonly generationId: GenerationId },
  place: Place,
  events: readonly LoggedEvent[],
): LoggedGeneration {
  const decision = { source: "exploit", propensity: 1, allocationVersion: "0" } as const;
  return { ...arm, decidedAtMs: 0, decision: { ...decision, ...place }, events };
}
