import type { DecisionRecord } from "../../domain/decision.ts";
import type { ApplyContributionsInput } from "../../ports/state-store.ts";

type Target = Pick<
  ApplyContributionsInput,
  "agentType" | "codeType" | "variantId" | "generationId" | "forgettingPosition" | "context"
>;

/** Whose contributions are booked: the generation, its arm, and where and with what context it counts. */
export function contributionTarget(decision: Pick<DecisionRecord, keyof Target>): Target {
  const { agentType, codeType, variantId, generationId, forgettingPosition, context } = decision;
  return {
    agentType,
    codeType,
    variantId,
    generationId,
    forgettingPosition,
    ...(context === undefined ? {} : { context }),
  };
}
