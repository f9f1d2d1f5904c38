import type { DecisionRecord } from "../../domain/decision.ts";
import type { AgentType, CodeType, VariantId } from "../../domain/ids.ts";

/** The parts of a decision that are names; the agent type is the head of the variant id. */
export type DecisionLabels = Pick<
  DecisionRecord,
  "agentType" | "codeType" | "variantId" | "experiment"
>;

/** `<variant id> <code type>`, and in an experiment ` <experiment id> <arm>` after them: ASCII, and no name has a space. */
export function encodeDecisionLabels({ variantId, codeType, experiment }: DecisionLabels): string {
  const labels = `${variantId} ${codeType}`;
  return experiment === undefined ? labels : `${labels} ${experiment.id} ${experiment.arm}`;
}

/** Undoes {@link encodeDecisionLabels}. */
export function decodeDecisionLabels(text: string): DecisionLabels {
  const [variantId = "", codeType = "", id, arm = ""] = text.split(" ");
  return {
    agentType: variantId.slice(0, variantId.indexOf("/")) as AgentType,
    codeType: codeType as CodeType,
    variantId: variantId as VariantId,
    ...(id === undefined ? {} : { experiment: { id, arm } }),
  };
}
