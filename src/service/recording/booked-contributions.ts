import type { Contribution } from "../../domain/contribution.ts";
import type { DecisionRecord } from "../../domain/decision.ts";
import type { ContributionColumns } from "../../ports/event-rows.ts";
import type { ApplyContributionsInput } from "../../ports/state-store.ts";

/** Contributions as columns of an event row. */
export function contributionColumns(
  contributions: readonly Contribution[],
  learned: boolean,
): ContributionColumns {
  return {
    reward_components: contributions.map((contribution) => contribution.component),
    reward_values: contributions.map((contribution) => contribution.value),
    reward_weights: contributions.map((contribution) => contribution.weight),
    reward_penalties: contributions.map((contribution) => contribution.penalty),
    learned: learned && contributions.length > 0 ? 1 : 0,
  };
}

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
