import { describe, expect, it } from "vitest";
import type { Algorithm } from "../../src/domain/policy.ts";
import { algorithmsWithDefaults as defaults } from "../support/algorithms-with-defaults.ts";
import { meanRegret, regretMeans, regretSteps } from "../support/mean-regret.ts";

/**
 * The other algorithms with their default parameters: each between two bounds about five standard errors from
 * what is measured, so that a broken one is noticed whether it learns nothing or knows what it cannot know. The
 * seeds are fixed; drawn anew, a test would fail by chance about once in 10^5.
 */
describe(`regret over runs of ${regretSteps} steps on means ${regretMeans.join(", ")}`, () => {
  const bounds: [string, Algorithm, { runs: number; min: number; max: number }][] = [
    ["gaussian_thompson", defaults.gaussian_thompson, { runs: 40, min: 33, max: 82 }],
    ["ucb1", defaults.ucb1, { runs: 40, min: 203, max: 260 }],
    ["kl_ucb", defaults.kl_ucb, { runs: 40, min: 69, max: 120 }],
    ["softmax", defaults.softmax, { runs: 40, min: 156, max: 295 }],
    // It serves the runner-up half of the time on purpose: 0.05 lost in each of 5,000 steps, and more early on.
    ["top_two_thompson", defaults.top_two_thompson, { runs: 40, min: 298, max: 338 }],
    // A useless feature doubles what there is to learn.
    ["linear_thompson", defaults.linear_thompson, { runs: 20, min: 55, max: 135 }],
    [
      "epsilon_greedy that decays",
      { kind: "epsilon_greedy", epsilon: 1, decayHalfLifeGenerations: 100 },
      { runs: 40, min: 20, max: 108 },
    ],
  ];

  it.each(bounds)("%s keeps its bounds", (_, algorithm, { runs, min, max }) => {
    const { mean } = meanRegret(algorithm, runs);
    expect(mean).toBeGreaterThan(min);
    expect(mean).toBeLessThan(max);
  });
});
