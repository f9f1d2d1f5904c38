import type { Draw } from "../bandit/draw.ts";
import type { DecisionSource } from "../domain/decision.ts";
import type { GenerationId, VariantId } from "../domain/ids.ts";
import type { Mode } from "../domain/policy.ts";
import type { OutboxEvent } from "../ports/state-store.ts";
import type { SelectRequest } from "./bandit-service.ts";
import { formatEventTime } from "./event-time.ts";

export interface DecisionEventInput {
  readonly generationId: GenerationId;
  readonly request: SelectRequest;
  readonly variantId: VariantId;
  readonly source: DecisionSource;
  readonly propensity: number;
  readonly allocationVersion: string;
  /** The vector drawn from. */
  readonly variantIds: Draw["variantIds"];
  readonly probabilities: Draw["probabilities"];
  readonly mode: Mode;
  readonly decidedAtMs: number;
}

/** JSON of a probability vector, kept for as long as the vector itself: it is the same for many decisions. */
const armsJson = new WeakMap<Float64Array, string>();

/**
 * A decision as a row of the event log. Written by hand instead of JSON.stringify because the two
 * arrays, the longest part, are the same for every decision of one allocation.
 */
export function decisionEvent(input: DecisionEventInput): OutboxEvent {
  const { request } = input;
  let arms = armsJson.get(input.probabilities);
  if (arms === undefined) {
    arms =
      `"arm_variant_ids":${JSON.stringify(input.variantIds)},` +
      `"arm_probabilities":${JSON.stringify(Array.from(input.probabilities))}`;
    armsJson.set(input.probabilities, arms);
  }
  const row =
    `{"generation_id":"${input.generationId}","agent_type":"${request.agentType}",` +
    `"code_type":"${request.codeType}","agent_id":${JSON.stringify(request.agentId)},` +
    `"conversation_id":${JSON.stringify(request.conversationId)},` +
    `"variant_id":"${input.variantId}","source":"${input.source}",` +
    `"propensity":${input.propensity},"allocation_version":"${input.allocationVersion}",${arms},` +
    `"features":${JSON.stringify(request.features)},"experiment_id":"","experiment_arm":"",` +
    `"mode":"${input.mode}","degraded":0,"degraded_reason":"",` +
    `"decided_at":"${formatEventTime(input.decidedAtMs)}"}`;
  return { stream: "decisions", row };
}
