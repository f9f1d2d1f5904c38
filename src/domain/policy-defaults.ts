import type { Algorithm, LinearFeature, Policy, RewardSpec } from "./policy.ts";

/** What a policy means where it says nothing. `policy.proto` documents the same; a test holds the two together. */
export const policyDefaults = {
  explorationShare: 0,
  holdoutShare: 0,
  priorAlpha: 1,
  priorBeta: 1,
  refreshIntervalMs: 50,
  attributionWindowSeconds: 86_400,
  learnFromLateOutcomes: false,
  forgettingHalfLifeSeconds: 0,
  sharedPriorStrengthMax: 0,
  changeDetection: { tolerance: 0.03, threshold: 30 },
} as const satisfies Omit<Policy, "algorithm" | "reward" | "defaultReward">;

export const rewardDefaults = {
  costPenaltyPerUsd: 0,
  latencyPenaltyPerSecond: 0,
} as const satisfies Omit<RewardSpec, "components">;

export const linearFeatureDefaults = { mean: 0, scale: 1 } as const satisfies Omit<
  LinearFeature,
  "name"
>;

/** A number of an algorithm: what it is when it is not given, and the range it must be in, both ends included. */
export interface AlgorithmParameter {
  readonly default: number;
  /** Number.MIN_VALUE: above 0. */
  readonly min: number;
  readonly max: number;
}

type NumberNames<Fields> = {
  [Name in keyof Fields]: Fields[Name] extends number ? Name : never;
}[keyof Fields];

/** Every algorithm with its numbers. Messages, stored policies and validation go by this table. */
export const algorithmParameters: {
  readonly [Kind in Algorithm["kind"]]: Readonly<
    Record<NumberNames<Extract<Algorithm, { kind: Kind }>>, AlgorithmParameter>
  >;
} = {
  thompson_sampling: {},
  epsilon_greedy: {
    epsilon: { default: 0.1, min: 0, max: 1 },
    decayHalfLifeGenerations: { default: 0, min: 0, max: 1e12 },
  },
  gaussian_thompson: {
    priorMean: { default: 0.5, min: -1e6, max: 1e6 },
    priorStrength: { default: 1, min: 1e-6, max: 1e6 },
    priorShape: { default: 1, min: 0.5, max: 1e6 },
    priorScale: { default: 0.25, min: 1e-12, max: 1e12 },
  },
  ucb1: { exploration: { default: 2, min: 0, max: 1000 } },
  kl_ucb: { exploration: { default: 0, min: 0, max: 1000 } },
  softmax: { temperature: { default: 0.05, min: 1e-6, max: 1e6 } },
  top_two_thompson: { leaderShare: { default: 0.5, min: Number.MIN_VALUE, max: 1 } },
  linear_thompson: {
    priorVariance: { default: 1, min: 1e-6, max: 1e6 },
    noiseStandardDeviation: { default: 0.5, min: 1e-6, max: 1e6 },
  },
};
