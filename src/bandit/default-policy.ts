import { builtInComponent } from "../domain/metric.ts";
import type { Policy } from "../domain/policy.ts";
import { policyDefaults, rewardDefaults } from "../domain/policy-defaults.ts";

/**
 * The policy of an agent type that was given none. Every built-in metric counts, so that whatever an
 * agent reports first is learned from; what a machine measured and what a user did weigh as much as
 * what users say. The weights add up to 1.
 */
export const defaultPolicy: Policy = {
  algorithm: { kind: "thompson_sampling" },
  reward: {
    components: [
      builtInComponent("test_pass_rate", 0.2),
      builtInComponent("coverage", 0.1),
      builtInComponent("mutation_score", 0.1),
      builtInComponent("rating_overall", 0.1),
      builtInComponent("rating_quality", 0.05),
      builtInComponent("rating_relevance", 0.05),
      builtInComponent("rating_coverage", 0.05),
      builtInComponent("user_action", 0.2),
      builtInComponent("ci_passed", 0.15),
    ],
    ...rewardDefaults,
  },
  ...policyDefaults,
  explorationShare: 0.02,
};
