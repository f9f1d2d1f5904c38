import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import type { Algorithm } from "../../src/domain/policy.ts";
import type { RewardedDecision } from "../../src/statistics/logged-decision.ts";
import { simulation } from "./bandit-simulation.ts";

export interface AdaptiveLogOptions {
  readonly algorithm: Algorithm;
  readonly explorationShare: number;
  /** Probability of reward 1, else 0, of each arm. */
  readonly meansAt: (step: number) => readonly number[];
  readonly steps: number;
  readonly seed: number;
}

export const thompson: Algorithm = { kind: "thompson_sampling" };

export function epsilonGreedy(epsilon: number): Algorithm {
  return { kind: "epsilon_greedy", epsilon, decayHalfLifeGenerations: 0 };
}

/**
 * The log of one run against simulated 0/1 rewards, its allocation refreshed every ten steps, as under load. The same
 * for the same options. The propensities of up to ten decisions in a row are one array.
 */
export function* adaptiveLog({
  algorithm,
  explorationShare,
  meansAt,
  ...options
}: AdaptiveLogOptions): Generator<RewardedDecision> {
  const policy = { ...defaultPolicy, algorithm, explorationShare };
  const world = { armCount: meansAt(0).length, meansAt };
  for (const { allocation, arm, reward } of simulation({
    ...options,
    policy,
    world,
    refreshEvery: 10,
  })) {
    yield { propensities: allocation.probabilities, arm, reward };
  }
}
