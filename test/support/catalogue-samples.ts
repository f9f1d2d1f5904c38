import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import { type AgentType, parseVariantId } from "../../src/domain/ids.ts";
import type { Policy, PolicyRecord, RewardComponent } from "../../src/domain/policy.ts";
import type { Variant } from "../../src/domain/variant.ts";
import type { AgentTypeRecord, CatalogueSnapshot } from "../../src/ports/catalogue.ts";

/** The agent type of all these records. */
export const agentType = "agent" as AgentType;

/** A component of rewards whose range is [0,1] and where more is better; `changes` says what differs. */
export function rewardComponent(
  metric: string,
  weight: number,
  changes: Partial<RewardComponent> = {},
): RewardComponent {
  return { metric, weight, min: 0, max: 1, lowerIsBetter: false, unbounded: false, ...changes };
}

/** A policy that has every field, and none as the default policy has it. */
export const wholePolicy = {
  algorithm: { kind: "epsilon_greedy", epsilon: 0.1, decayHalfLifeGenerations: 1000 },
  reward: {
    components: [
      rewardComponent("test_pass_rate", 0.7),
      rewardComponent("edit_distance", 0.3, { max: 400, lowerIsBetter: true }),
    ],
    costPenaltyPerUsd: 0.25,
    latencyPenaltyPerSecond: 0.001,
  },
  explorationShare: 0.02,
  holdoutShare: 0.05,
  priorAlpha: 1.5,
  priorBeta: 0.5,
  refreshIntervalMs: 50,
  attributionWindowSeconds: 86_400,
  learnFromLateOutcomes: true,
  forgettingHalfLifeSeconds: 604_800,
  defaultReward: 0.25,
  sharedPriorStrengthMax: 20,
  changeDetection: { tolerance: 0.02, threshold: 30 },
} satisfies Required<Policy>;

/** The stored default policy of the agent type; `changes` says what differs. */
export function policyRecord(changes: Partial<PolicyRecord> = {}): PolicyRecord {
  return {
    agentType,
    policy: defaultPolicy,
    forgetting: { sinceMs: 0, position: 0 },
    featuresSinceMs: 0,
    updatedAtMs: 0,
    etag: "1",
    ...changes,
  };
}

/** An active variant `agent/<name>@1`. */
export function variantNamed(name: string, isBaseline = false): Variant {
  return {
    id: parseVariantId(`agent/${name}@1`),
    agentType,
    name,
    version: 1,
    status: "active",
    isBaseline,
    description: "",
    createdBy: "human",
    createdAtMs: 0,
    updatedAtMs: 0,
    etag: "1",
    promptTemplate: "t",
    model: "",
    parameters: {},
  };
}

/** A catalogue of one agent type with variants of these names, the first of which is the baseline. */
export function catalogueSnapshot(
  policies: readonly Partial<PolicyRecord>[],
  names: readonly string[] = ["a", "b"],
  mode: AgentTypeRecord["mode"] = "learning",
): CatalogueSnapshot {
  return {
    revision: 1,
    serviceMode: "learning",
    agentTypes: [{ agentType, description: "", mode, modeSinceMs: 0, createdAtMs: 0 }],
    policies: policies.map(policyRecord),
    variants: names.map((name, at) => variantNamed(name, at === 0)),
  };
}
