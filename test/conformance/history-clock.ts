import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import type { AgentType } from "../../src/domain/ids.ts";
import type { PolicyRecord } from "../../src/domain/policy.ts";
import type { Delivery } from "./contribution-model.ts";

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

/** When an event was received that was booked, under {@link historyPolicy}, no further than its `positionMax`. */
export function receivedAtMsOf({ positionMax }: Delivery): number {
  return positionMax === undefined ? lateMs : positionMax * halfLifeSeconds * 1000 - aheadMsMax;
}
