import { create, type Message } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalidField, invariant } from "../../domain/errors.ts";
import { builtInMetrics, isBuiltInMetric } from "../../domain/metric.ts";
import { nearestName } from "../../domain/nearest-name.ts";
import { defined } from "../../domain/optional-fields.ts";
import type {
  Algorithm as DomainAlgorithm,
  LinearFeature as DomainLinearFeature,
  Policy as DomainPolicy,
  PolicyRecord as DomainPolicyRecord,
  RewardComponent as DomainRewardComponent,
} from "../../domain/policy.ts";
import {
  algorithmParameters,
  linearFeatureDefaults,
  policyDefaults,
} from "../../domain/policy-defaults.ts";
import {
  type Algorithm,
  AlgorithmSchema,
  type LinearFeature,
  type Policy,
  type PolicyRecord,
  type RewardComponent,
} from "../../gen/bandit/v1/policy_pb.ts";
import { wholeUnits } from "./whole-units.ts";

/** Fills in every default. What the rules of the contract cannot say is the service's to check. */
export function parsePolicy(policy: Policy): DomainPolicy {
  const { algorithm, reward } = policy;
  invariant(algorithm !== undefined && reward !== undefined, "validated: both are required");
  const { refreshInterval, attributionWindow, forgettingHalfLife } = policy;
  return {
    algorithm: parseAlgorithm(algorithm),
    reward: {
      components: reward.components.map((component, index) =>
        parseComponent(component, `policy.reward.components[${index}]`),
      ),
      costPenaltyPerUsd: reward.costPenaltyPerUsd,
      latencyPenaltyPerSecond: reward.latencyPenaltyPerSecond,
    },
    explorationShare: policy.explorationShare,
    holdoutShare: policy.holdoutShare,
    priorAlpha: policy.priorAlpha ?? policyDefaults.priorAlpha,
    priorBeta: policy.priorBeta ?? policyDefaults.priorBeta,
    refreshIntervalMs:
      refreshInterval === undefined
        ? policyDefaults.refreshIntervalMs
        : wholeUnits(refreshInterval, "policy.refresh_interval", "milliseconds"),
    attributionWindowSeconds:
      attributionWindow === undefined
        ? policyDefaults.attributionWindowSeconds
        : wholeUnits(attributionWindow, "policy.attribution_window", "seconds"),
    learnFromLateOutcomes: policy.learnFromLateOutcomes,
    forgettingHalfLifeSeconds:
      forgettingHalfLife === undefined
        ? policyDefaults.forgettingHalfLifeSeconds
        : wholeUnits(forgettingHalfLife, "policy.forgetting_half_life", "milliseconds") / 1000,
    ...defined({ defaultReward: policy.defaultReward }),
    sharedPriorStrengthMax: policy.sharedPriorStrengthMax,
    changeDetection: {
      ...policyDefaults.changeDetection,
      ...givenFields(policy.changeDetection),
    },
  };
}

/** The messages of the algorithms have the names of the domain's kinds, and their fields those of its parameters. */
function parseAlgorithm({ kind }: Algorithm): DomainAlgorithm {
  const name = algorithmFields.get(kind.case)?.name;
  if (name === undefined) {
    throw invalidField("policy.algorithm.kind", "exactly one field is required in oneof");
  }
  const parameters = Object.entries(algorithmParameters[name as DomainAlgorithm["kind"]]);
  return {
    kind: name,
    ...Object.fromEntries(parameters.map(([parameter, range]) => [parameter, range.default])),
    ...givenFields(kind.value),
    ...(kind.case === "linearThompson" ? { features: kind.value.features.map(parseFeature) } : {}),
  } as DomainAlgorithm;
}

function parseFeature({ name, mean, scale }: LinearFeature): DomainLinearFeature {
  return { ...linearFeatureDefaults, ...defined({ mean, scale }), name };
}

/** By the name in the generated code: `epsilonGreedy`. */
const algorithmFields = new Map(
  AlgorithmSchema.fields.map((field): [string | undefined, typeof field] => [
    field.localName,
    field,
  ]),
);

/** The fields of a message that are set. */
function givenFields<Fields extends Message>(message: Fields | undefined) {
  const { $typeName: _, $unknown: __, ...fields } = message ?? ({} as Fields);
  return defined(fields);
}

function parseComponent(component: RewardComponent, field: string): DomainRewardComponent {
  const { metric, weight, lowerIsBetter, unbounded } = component;
  const range = isBuiltInMetric(metric) ? builtInMetrics[metric] : undefined;
  const min = component.min ?? range?.min;
  const max = component.max ?? range?.max;
  if (min === undefined || max === undefined) {
    const meant = nearestName(metric, Object.keys(builtInMetrics));
    if (meant !== undefined) {
      const rule = "a metric of your own needs min and max";
      throw invalidField(`${field}.metric`, `no such metric; is it ${meant}? (${rule})`);
    }
    throw invalidField(
      `${field}.${min === undefined ? "min" : "max"}`,
      "is required: only built-in metrics have a range of their own",
    );
  }
  return { metric, weight, min, max, lowerIsBetter, unbounded };
}

export function algorithmMessage({ kind, ...parameters }: DomainAlgorithm): Algorithm {
  const field = AlgorithmSchema.fields.find(({ name }) => name === kind);
  invariant(field?.fieldKind === "message", `the contract has the algorithm ${kind}`);
  const value = create(field.message, parameters);
  return {
    $typeName: "bandit.v1.Algorithm",
    kind: { case: field.localName, value } as Algorithm["kind"],
  };
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
    explorationShare: policy.explorationShare,
    holdoutShare: policy.holdoutShare,
    priorAlpha: policy.priorAlpha,
    priorBeta: policy.priorBeta,
    refreshInterval: durationFromMs(policy.refreshIntervalMs),
    attributionWindow: durationFromMs(policy.attributionWindowSeconds * 1000),
    learnFromLateOutcomes: policy.learnFromLateOutcomes,
    ...(policy.forgettingHalfLifeSeconds === 0
      ? {}
      : {
          // Whole milliseconds by `wholeUnits`: 1.001 s × 1000 is not, as a double.
          forgettingHalfLife: durationFromMs(Math.round(policy.forgettingHalfLifeSeconds * 1000)),
        }),
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
