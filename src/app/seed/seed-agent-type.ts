import { defaultPolicy } from "../../bandit/default-policy.ts";
import { parseAgentType } from "../../domain/ids.ts";
import { type BuiltInMetric, builtInComponent } from "../../domain/metric.ts";
import type { JsonValue } from "../../domain/variant.ts";
import type { CreateAgentTypeInput, NewVariant } from "../../ports/catalogue.ts";

const hourSeconds = 3600;

/** How one seeded agent type differs from the others; everything else is the same for all of them. */
export interface SeedAgentType {
  readonly agentType: string;
  readonly description: string;
  /** Built-in metric → weight; the weights add up to at most 1. */
  readonly rewardWeights: Readonly<Partial<Record<BuiltInMetric, number>>>;
  /** Reward lost per US dollar, ≥ 0. Chosen so that a usual task of this agent loses 0.01 to 0.05. */
  readonly costPenaltyPerUsd: number;
  /** Reward lost per second, ≥ 0. Above 0 only where somebody waits for the answer. */
  readonly latencyPenaltyPerSecond: number;
  /** How long people or machines take to answer for this agent's work, in hours. */
  readonly attributionWindowHours: number;
  /** The first one is the baseline. */
  readonly variants: readonly [SeedVariant, ...SeedVariant[]];
}

export interface SeedVariant {
  readonly name: string;
  readonly description: string;
  readonly promptTemplate: string;
  readonly temperature: number;
  readonly topP?: number;
  readonly maxTokens: number;
  readonly parameters?: { readonly [key: string]: JsonValue };
}

/**
 * Completes a seeded agent type: the default policy (Thompson sampling from a uniform prior), 5 % of the traffic at least
 * for every arm (so that a variant that was unlucky at first is found again), no holdout (the minimum
 * share already keeps the baseline measured), and no model name: the agent's own choice.
 */
export function seedAgentType(seed: SeedAgentType): CreateAgentTypeInput {
  const [baseline, ...others] = seed.variants;
  return {
    agentType: parseAgentType(seed.agentType),
    description: seed.description,
    policy: {
      ...defaultPolicy,
      reward: {
        components: Object.entries(seed.rewardWeights).map(([metric, weight]) =>
          builtInComponent(metric as BuiltInMetric, weight),
        ),
        costPenaltyPerUsd: seed.costPenaltyPerUsd,
        latencyPenaltyPerSecond: seed.latencyPenaltyPerSecond,
      },
      attributionWindowSeconds: seed.attributionWindowHours * hourSeconds,
    },
    variants: [newVariant(baseline), ...others.map(newVariant)],
  };
}

function newVariant(seed: SeedVariant): NewVariant {
  return {
    name: seed.name,
    description: seed.description,
    content: {
      promptTemplate: seed.promptTemplate,
      model: "",
      temperature: seed.temperature,
      ...(seed.topP === undefined ? {} : { topP: seed.topP }),
      maxTokens: seed.maxTokens,
      parameters: seed.parameters ?? {},
    },
    createdBy: "human",
    status: "active",
  };
}
