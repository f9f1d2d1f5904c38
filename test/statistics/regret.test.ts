import { beforeAll, describe, expect, it } from "vitest";
import { algorithmsWithDefaults } from "../support/algorithms-with-defaults.ts";
import { type MeanRegret, meanRegret, regretMeans, regretSteps } from "../support/mean-regret.ts";

const epsilonGreedy = (epsilon: number) =>
  ({ kind: "epsilon_greedy", epsilon, decayHalfLifeGenerations: 0 }) as const;

/**
 * The seeds are fixed, so a failure is a change of behaviour and never bad luck. Had they been drawn anew, each
 * bound would fail by chance about once in 1,000 (it is more than three standard errors from what is measured),
 * the comparison with epsilon-greedy and the controls less than once in 10^6.
 */
describe(`regret over runs of ${regretSteps} steps on means ${regretMeans.join(", ")}`, () => {
  let thompson: MeanRegret;
  let greedy: MeanRegret;

  beforeAll(() => {
    thompson = meanRegret(algorithmsWithDefaults.thompson_sampling, 200);
    greedy = meanRegret(epsilonGreedy(0.1), 200);
  });

  it("Thompson sampling loses 66 at most, the mean of 200 runs", () => {
    expect(thompson.mean).toBeLessThan(66);
  });

  it("epsilon-greedy with 0.1 loses 155 at most, the mean of 200 runs", () => {
    expect(greedy.mean).toBeLessThan(155);
  });

  it("Thompson sampling loses less than epsilon-greedy", () => {
    const apart = Math.hypot(thompson.standardError, greedy.standardError);
    expect((greedy.mean - thompson.mean) / apart).toBeGreaterThan(5);
  });

  it("uniform serving loses 0.0875 a step, as it must: what is measured is regret (control)", () => {
    const uniform = meanRegret(epsilonGreedy(1), 40);
    expect(Math.abs(uniform.mean - 0.0875 * regretSteps)).toBeLessThan(5 * uniform.standardError);
  });

  it("always serving the best arm so far keeps neither bound (negative control)", () => {
    expect(meanRegret(epsilonGreedy(0), 40).mean).toBeGreaterThan(155);
  });
});
