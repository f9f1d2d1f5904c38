import { beforeAll, describe, expect, it } from "vitest";
import type { Algorithm } from "../../src/domain/policy.ts";
import { algorithmsWithDefaults, purePolicy } from "../support/algorithms-with-defaults.ts";
import { type SimulatedWorld, simulate } from "../support/bandit-simulation.ts";

const runs = 20;
const steps = 4000;

/** The first arm is better for half of the inputs, the second for the other half; the third is never the best. */
const world: SimulatedWorld = {
  armCount: 3,
  drawFeatures: (unit) => ({ x: 2 * unit() - 1 }),
  meansAt: (_, features) => {
    const x = features["x"] as number;
    return [0.5 + 0.25 * x, 0.5 - 0.25 * x, 0.45];
  },
};

interface Regrets {
  readonly halfway: number;
  readonly end: number;
}

/** Mean regret against an oracle that knows the input, over the runs. */
function regrets(algorithm: Algorithm): Regrets {
  let halfway = 0;
  let end = 0;
  for (let run = 0; run < runs; run += 1) {
    const policy = purePolicy(algorithm);
    simulate({ policy, world, steps, refreshEvery: 10, seed: 500 + run }, ({ step, regret }) => {
      if (step === steps / 2 - 1) halfway += regret / runs;
      if (step === steps - 1) end += regret / runs;
    });
  }
  return { halfway, end };
}

/** The seeds are fixed; drawn anew, a test would fail by chance less than once in 10^6. */
describe("inputs that differ in which arm is better for them", () => {
  let linear: Regrets;
  let blind: Regrets;

  beforeAll(() => {
    linear = regrets(algorithmsWithDefaults.linear_thompson);
    blind = regrets(algorithmsWithDefaults.thompson_sampling);
  });

  it("linear Thompson sampling loses a fifth of what sampling without context loses, or less", () => {
    expect(linear.end).toBeLessThan(blind.end / 5);
  });

  it("linear Thompson sampling goes on learning: the second half costs less than half of the first", () => {
    expect(linear.end - linear.halfway).toBeLessThan(linear.halfway / 2);
  });

  it("without context the second half costs as much as the first (control)", () => {
    expect((blind.end - blind.halfway) / blind.halfway).toBeGreaterThan(0.9);
  });
});
