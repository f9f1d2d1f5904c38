import { create } from "@bufbuild/protobuf";
import { type Duration, durationFromMs, durationMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalidField, invariant } from "../../domain/errors.ts";
import { builtInMetrics, isBuiltInMetric } from "../../domain/metric.ts";
import type {
  Algorithm as DomainAlgorithm,
  Policy as DomainPolicy,
  PolicyRecord as DomainPolicyRecord,
  RewardComponent as DomainRewardComponent,
} from "../../domain/policy.ts";
import {
  type Algorithm,
  EpsilonGreedySchema,
  GaussianThompsonSchema,
  KlUcbSchema,
  LinearThompsonSchema,
  type Policy,
  type PolicyRecord,
  type RewardComponent,
  SoftmaxSchema,
  ThompsonSamplingSchema,
  TopTwoThompsonSchema,
  Ucb1Schema,
} from "../../gen/bandit/v1/policy_pb.ts";
import { defined } from "./optional-fields.ts";

// The defaults that policy.proto documents.
const defaultEpsilon = 0.1;
const defaultPrior = 1;
const defaultRefreshIntervalMs = 50;
const defaultAttributionWindowSeconds = 86_400;
const defaultGaussian = { priorMean: 0.5, priorStrength: 1, priorShape: 1, priorScale: 0.25 };
const defaultUcb1Exploration = 2;
const defaultKlUcbExploration = 0;
const defaultTemperature = 0.05;
const defaultLeaderShare = 0.5;
const defaultLinear = { priorVariance: 1, noiseStandardDeviation: 0.5 };
const defaultChangeDetection = { tolerance: 0.03, threshold: 30 };

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
        : wholeUnits(policy.refreshInterval, {
            field: "policy.refresh_interval",
            unitMs: 1,
            unit: "milliseconds",
          }),
    attributionWindowSeconds:
      policy.attributionWindow === undefined
        ? defaultAttributionWindowSeconds
        : wholeUnits(policy.attributionWindow, {
            field: "policy.attribution_window",
            unitMs: 1000,
            unit: "seconds",
          }),
    learnFromLateOutcomes: policy.learnFromLateOutcomes,
    forgettingHalfLifeSeconds:
      policy.forgettingHalfLife === undefined ? 0 : durationMs(policy.forgettingHalfLife) / 1000,
    ...defined({ defaultReward: policy.defaultReward }),
    sharedPriorStrengthMax: policy.sharedPriorStrengthMax,
    changeDetection: {
      tolerance: policy.changeDetection?.tolerance ?? defaultChangeDetection.tolerance,
      threshold: policy.changeDetection?.threshold ?? defaultChangeDetection.threshold,
    },
  };
}

/** A finer duration is refused rather than rounded: what is in force is what was asked for. */
function wholeUnits(
  duration: Duration,
  {
    field,
    unitMs,
    unit,
  }: { readonly field: string; readonly unitMs: number; readonly unit: string },
): number {
  if (duration.nanos % (unitMs * 1_000_000) !== 0) {
    throw invalidField(field, `must be whole ${unit}`);
  }
  return Math.round(durationMs(duration) / unitMs);
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
    case "gaussianThompson":
      return {
        kind: "gaussian_thompson",
        priorMean: kind.value.priorMean ?? defaultGaussian.priorMean,
        priorStrength: kind.value.priorStrength ?? defaultGaussian.priorStrength,
        priorShape: kind.value.priorShape ?? defaultGaussian.priorShape,
        priorScale: kind.value.priorScale ?? defaultGaussian.priorScale,
      };
    case "ucb1":
      return { kind: "ucb1", exploration: kind.value.exploration ?? defaultUcb1Exploration };
    case "klUcb":
      return { kind: "kl_ucb", exploration: kind.value.exploration ?? defaultKlUcbExploration };
    case "softmax":
      return { kind: "softmax", temperature: kind.value.temperature ?? defaultTemperature };
    case "topTwoThompson":
      return {
        kind: "top_two_thompson",
        leaderShare: kind.value.leaderShare ?? defaultLeaderShare,
      };
    case "linearThompson":
      return {
        kind: "linear_thompson",
        features: kind.value.features.map(({ name, mean, scale }) => ({
          name,
          mean: mean ?? 0,
          scale: scale ?? 1,
        })),
        priorVariance: kind.value.priorVariance ?? defaultLinear.priorVariance,
        noiseStandardDeviation:
          kind.value.noiseStandardDeviation ?? defaultLinear.noiseStandardDeviation,
      };
    case undefined:
      throw invalidField("policy.algorithm.kind", "exactly one field is required in oneof");
  }
}

function parseComponent(component: RewardComponent, field: string): DomainRewardComponent {
  const { metric, weight, lowerIsBetter, unbounded } = component;
  const range = isBuiltInMetric(metric) ? builtInMetrics[metric] : undefined;
  const min = component.min ?? range?.min;
  const max = component.max ?? range?.max;
  if (min === undefined) throw invalidField(`${field}.min`, "is required for a custom metric");
  if (max === undefined) throw invalidField(`${field}.max`, "is required for a custom metric");
  return { metric, weight, min, max, lowerIsBetter, unbounded };
}

export function algorithmMessage(algorithm: DomainAlgorithm): Algorithm {
  return { $typeName: "bandit.v1.Algorithm", kind: algorithmKind(algorithm) };
}

function algorithmKind(algorithm: DomainAlgorithm): Algorithm["kind"] {
  switch (algorithm.kind) {
    case "thompson_sampling":
      return { case: "thompsonSampling", value: create(ThompsonSamplingSchema) };
    case "epsilon_greedy":
      return { case: "epsilonGreedy", value: create(EpsilonGreedySchema, parameters(algorithm)) };
    case "gaussian_thompson":
      return {
        case: "gaussianThompson",
        value: create(GaussianThompsonSchema, parameters(algorithm)),
      };
    case "ucb1":
      return { case: "ucb1", value: create(Ucb1Schema, parameters(algorithm)) };
    case "kl_ucb":
      return { case: "klUcb", value: create(KlUcbSchema, parameters(algorithm)) };
    case "softmax":
      return { case: "softmax", value: create(SoftmaxSchema, parameters(algorithm)) };
    case "top_two_thompson":
      return { case: "topTwoThompson", value: create(TopTwoThompsonSchema, parameters(algorithm)) };
    case "linear_thompson": {
      const { features, ...numbers } = parameters(algorithm);
      return {
        case: "linearThompson",
        value: create(LinearThompsonSchema, { ...numbers, features: [...features] }),
      };
    }
  }
}

/** The messages' fields have the names of the domain's. */
function parameters<Kind extends DomainAlgorithm>({ kind: _, ...rest }: Kind): Omit<Kind, "kind"> {
  return rest;
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
    ...(policy.forgettingHalfLifeSeconds === 0
      ? {}
      : { forgettingHalfLife: durationFromMs(policy.forgettingHalfLifeSeconds * 1000) }),
    ...defined({ defaultReward: policy.defaultReward }),
    sharedPriorStrengthMax: policy.sharedPriorStrengthMax,
    changeDetection: {
      $typeName: "bandit.v1.ChangeDetection",
      ...policy.changeDetection,
    },
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
