import { durationFromMs, durationMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalidField, invariant } from "../domain/errors.ts";
import { builtInMetrics, isBuiltInMetric } from "../domain/metric.ts";
import type {
  Algorithm as DomainAlgorithm,
  Policy as DomainPolicy,
  PolicyRecord as DomainPolicyRecord,
  RewardComponent as DomainRewardComponent,
} from "../domain/policy.ts";
import type {
  Algorithm,
  Policy,
  PolicyRecord,
  RewardComponent,
} from "../gen/bandit/v1/policy_pb.ts";

// The defaults that policy.proto documents.
const defaultEpsilon = 0.1;
const defaultPrior = 1;
const defaultRefreshIntervalMs = 50;
const defaultAttributionWindowSeconds = 86_400;

/** Fills in every default. What the rules of the contract cannot say is the service's to check. */
export function parsePolicy(policy: Policy): DomainPolicy {
  const { algorithm, reward } = policy;
  invariant(algorithm !== undefined && reward !== undefined, "validated: both are required");
  return {
    algorithm: parseAlgorithm(algorithm),
    reward: {
      components: reward.components.map((component, index) =>
        parseComponent(component, `policy.reward.components[${index}]`),
      ),
      costPenaltyPerUsd: reward.costPenaltyPerUsd,
      latencyPenaltyPerSecond: reward.latencyPenaltyPerSecond,
    },
    minimumShare: policy.minimumShare,
    holdoutShare: policy.holdoutShare,
    priorAlpha: policy.priorAlpha ?? defaultPrior,
    priorBeta: policy.priorBeta ?? defaultPrior,
    refreshIntervalMs:
      policy.refreshInterval === undefined
        ? defaultRefreshIntervalMs
        : Math.round(durationMs(policy.refreshInterval)),
    attributionWindowSeconds:
      policy.attributionWindow === undefined
        ? defaultAttributionWindowSeconds
        : Math.round(durationMs(policy.attributionWindow) / 1000),
    learnFromLateOutcomes: policy.learnFromLateOutcomes,
  };
}

function parseAlgorithm(algorithm: Algorithm): DomainAlgorithm {
  const { kind } = algorithm;
  switch (kind.case) {
    case "thompsonSampling":
      return { kind: "thompson_sampling" };
    case "epsilonGreedy":
      return {
        kind: "epsilon_greedy",
        epsilon: kind.value.epsilon ?? defaultEpsilon,
        decayHalfLifeGenerations: kind.value.decayHalfLifeGenerations,
      };
    case undefined:
      throw invalidField("policy.algorithm.kind", "exactly one field is required in oneof");
  }
}

function parseComponent(component: RewardComponent, field: string): DomainRewardComponent {
  const { metric, weight, lowerIsBetter } = component;
  const range = isBuiltInMetric(metric) ? builtInMetrics[metric] : undefined;
  const min = component.min ?? range?.min;
  const max = component.max ?? range?.max;
  if (min === undefined) throw invalidField(`${field}.min`, "is required for a custom metric");
  if (max === undefined) throw invalidField(`${field}.max`, "is required for a custom metric");
  return { metric, weight, min, max, lowerIsBetter };
}

export function algorithmMessage(algorithm: DomainAlgorithm): Algorithm {
  switch (algorithm.kind) {
    case "thompson_sampling":
      return {
        $typeName: "bandit.v1.Algorithm",
        kind: { case: "thompsonSampling", value: { $typeName: "bandit.v1.ThompsonSampling" } },
      };
    case "epsilon_greedy":
      return {
        $typeName: "bandit.v1.Algorithm",
        kind: {
          case: "epsilonGreedy",
          value: {
            $typeName: "bandit.v1.EpsilonGreedy",
            epsilon: algorithm.epsilon,
            decayHalfLifeGenerations: algorithm.decayHalfLifeGenerations,
          },
        },
      };
  }
}

function policyMessage(policy: DomainPolicy): Policy {
  return {
    $typeName: "bandit.v1.Policy",
    algorithm: algorithmMessage(policy.algorithm),
    reward: {
      $typeName: "bandit.v1.RewardSpec",
      components: policy.reward.components.map((component) => ({
        $typeName: "bandit.v1.RewardComponent",
        ...component,
      })),
      costPenaltyPerUsd: policy.reward.costPenaltyPerUsd,
      latencyPenaltyPerSecond: policy.reward.latencyPenaltyPerSecond,
    },
    minimumShare: policy.minimumShare,
    holdoutShare: policy.holdoutShare,
    priorAlpha: policy.priorAlpha,
    priorBeta: policy.priorBeta,
    refreshInterval: durationFromMs(policy.refreshIntervalMs),
    attributionWindow: durationFromMs(policy.attributionWindowSeconds * 1000),
    learnFromLateOutcomes: policy.learnFromLateOutcomes,
  };
}

export function policyRecordMessage(record: DomainPolicyRecord): PolicyRecord {
  return {
    $typeName: "bandit.v1.PolicyRecord",
    agentType: record.agentType,
    codeType: record.codeType,
    policy: policyMessage(record.policy),
    updatedAt: timestampFromMs(record.updatedAtMs),
    etag: record.etag,
  };
}
