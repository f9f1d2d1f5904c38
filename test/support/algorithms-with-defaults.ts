import type { Algorithm } from "../../src/domain/policy.ts";

/** Every algorithm with the parameters that policy.proto documents as defaults; one feature `x` for the linear one. */
export const algorithmsWithDefaults: { readonly [Kind in Algorithm["kind"]]: Algorithm } = {
  thompson_sampling: { kind: "thompson_sampling" },
  epsilon_greedy: { kind: "epsilon_greedy", epsilon: 0.1, decayHalfLifeGenerations: 0 },
  gaussian_thompson: {
    kind: "gaussian_thompson",
    priorMean: 0.5,
    priorStrength: 1,
    priorShape: 1,
    priorScale: 0.25,
  },
  ucb1: { kind: "ucb1", exploration: 2 },
  kl_ucb: { kind: "kl_ucb", exploration: 0 },
  softmax: { kind: "softmax", temperature: 0.05 },
  top_two_thompson: { kind: "top_two_thompson", leaderShare: 0.5 },
  linear_thompson: {
    kind: "linear_thompson",
    features: [{ name: "x", mean: 0, scale: 1 }],
    priorVariance: 1,
    noiseStandardDeviation: 0.5,
  },
};
