import type { Contribution } from "../../domain/contribution.ts";
import type { ContributionColumns } from "../../ports/event-rows.ts";

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
