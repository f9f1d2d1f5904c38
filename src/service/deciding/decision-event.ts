import type { Draw } from "../../bandit/draw.ts";
import type { DecisionRecord } from "../../domain/decision.ts";
import type { Mode } from "../../domain/policy.ts";
import type { OutboxEvent } from "../../ports/state-store.ts";
import type { SelectRequest } from "../api/decisions.ts";
import { formatEventTime } from "../events/event-time.ts";

export interface DecisionEventInput {
  readonly record: DecisionRecord;
  readonly request: SelectRequest;
  /** The vector drawn from. */
  readonly variantIds: Draw["variantIds"];
  readonly probabilities: Draw["probabilities"];
  readonly mode: Mode;
  /** Why it is not an ordinary decision: lower-case letters and _. Absent: it is one. */
  readonly degradedReason?: string;
}

/** JSON of a probability vector, kept for as long as the vector itself: it is the same for many decisions. */
const armsJson = new WeakMap<Float64Array, string>();

/**
 * A decision as a row of the event log. Written by hand instead of JSON.stringify because the two
 * arrays, the longest part, are the same for every decision of one allocation.
 */
export function decisionEvent(input: DecisionEventInput): OutboxEvent {
  const { record, request } = input;
  let arms = armsJson.get(input.probabilities);
  if (arms === undefined) {
    arms =
      `"arm_variant_ids":${JSON.stringify(input.variantIds)},` +
      `"arm_probabilities":${JSON.stringify(Array.from(input.probabilities))}`;
    armsJson.set(input.probabilities, arms);
  }
  const row =
    `{"generation_id":"${record.generationId}","agent_type":"${request.agentType}",` +
    `"code_type":"${request.codeType}","agent_id":${JSON.stringify(request.agentId)},` +
    `"conversation_id":${JSON.stringify(request.conversationId)},` +
    `"variant_id":"${record.variantId}","source":"${record.source}",` +
    `"propensity":${record.propensity},"allocation_version":"${record.allocationVersion}",${arms},` +
    `"features":${JSON.stringify(request.features)},"experiment_id":${JSON.stringify(record.experiment?.id ?? "")},` +
    `"experiment_arm":${JSON.stringify(record.experiment?.arm ?? "")},` +
    `"mode":"${input.mode}",${degradedColumns(input.degradedReason)},` +
    `"decided_at":"${formatEventTime(record.decidedAtMs)}"${placementColumns(record)}}`;
  return { stream: "decisions", row };
}

function degradedColumns(reason = ""): string {
  return `"degraded":${reason === "" ? 0 : 1},"degraded_reason":"${reason}"`;
}

/** Left out where the event log's defaults say the same: most decisions have no place in forgetting and no context. */
function placementColumns({ forgettingPosition, context }: DecisionRecord): string {
  const position = forgettingPosition === 0 ? "" : `,"forgetting_position":${forgettingPosition}`;
  if (context === undefined) return position;
  return `${position},"context_epoch":${context.epoch},"context":${JSON.stringify(context.values)}`;
}
