import type { BanditClient } from "../../../src/client/index.ts";

/** One component of a reward: the metric's range mapped onto [0,1]. */
interface ComponentRule {
  readonly metric: string;
  readonly weight: number;
  readonly min: number;
  readonly max: number;
  readonly lowerIsBetter?: boolean;
}

/** How the agents of one type are rewarded; what the test creates and what it computes itself by. */
export interface AgentTypeRule {
  readonly agentType: string;
  readonly components: readonly ComponentRule[];
  readonly costPenaltyPerUsd: number;
  readonly latencyPenaltyPerSecond: number;
  /** 0: never forgets. */
  readonly forgettingHalfLifeSeconds: number;
}

/** The policy an agent type gets when none is given: docs/concepts/reward.md. Its other metrics are not reported here. */
const defaultComponents: readonly ComponentRule[] = [
  { metric: "test_pass_rate", weight: 0.2, min: 0, max: 1 },
  { metric: "coverage", weight: 0.1, min: 0, max: 1 },
  { metric: "rating_overall", weight: 0.1, min: 1, max: 5 },
  { metric: "rating_quality", weight: 0.05, min: 1, max: 5 },
];

/** Two ways to learn: by default, and with everything that can be set. */
export const agentTypeRules: readonly [AgentTypeRule, AgentTypeRule] = [
  {
    agentType: "plain",
    components: defaultComponents,
    costPenaltyPerUsd: 0,
    latencyPenaltyPerSecond: 0,
    forgettingHalfLifeSeconds: 0,
  },
  {
    agentType: "forgetful",
    components: [
      { metric: "test_pass_rate", weight: 0.4, min: 0, max: 1 },
      { metric: "rating_overall", weight: 0.25, min: 1, max: 5 },
      { metric: "build_score", weight: 0.15, min: 0, max: 10 },
      { metric: "duration_ms", weight: 0.1, min: 0, max: 4_000, lowerIsBetter: true },
    ],
    costPenaltyPerUsd: 2,
    latencyPenaltyPerSecond: 0.01,
    // So long that the moments between asking for a posterior and its answer do not show at 1e-9.
    forgettingHalfLifeSeconds: 10 * 365 * 86_400,
  },
];

const variants = ["careful", "quick", "thorough"].map((name) => ({
  name,
  promptTemplate: `Write {{count}} tests, ${name}.`,
  model: "example-model",
}));

export async function createAgentTypes(client: BanditClient): Promise<void> {
  const [plain, forgetful] = agentTypeRules;
  await client.createAgentType({ agentType: plain.agentType, variants });
  await client.createAgentType({
    agentType: forgetful.agentType,
    variants,
    policy: {
      algorithm: { kind: { case: "thompsonSampling", value: {} } },
      reward: {
        components: [...forgetful.components],
        costPenaltyPerUsd: forgetful.costPenaltyPerUsd,
        latencyPenaltyPerSecond: forgetful.latencyPenaltyPerSecond,
      },
      explorationShare: 0.05,
      forgettingHalfLife: { seconds: BigInt(forgetful.forgettingHalfLifeSeconds) },
    },
  });
}
