import { beforeAll, describe, expect, it } from "vitest";
import { Allocator } from "../../src/bandit/allocator.ts";
import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import { draw } from "../../src/bandit/draw.ts";
import { type RewardTotals, zeroTotals } from "../../src/domain/contribution.ts";
import { parseVariantId, type VariantId } from "../../src/domain/ids.ts";
import type { Algorithm } from "../../src/domain/policy.ts";
import { seededIds, seededUnit } from "./seeded-ids.ts";

const means = [0.5, 0.45, 0.4, 0.3];
const ids = means.map((_, arm) => parseVariantId(`t/v${arm}@1`));
const runs = 50;
const steps = 5000;
/** Steps between two refreshes of the allocation, as under load. */
const batch = 5;

/** Expected reward lost against always serving the best arm, over one run of Bernoulli rewards. */
function regret(algorithm: Algorithm, seed: number): number {
  const allocator = new Allocator({
    policy: { ...defaultPolicy, algorithm, minimumShare: 0 },
    variantIds: ids,
    baselineId: ids[0] as VariantId,
  });
  const nextId = seededIds(seed);
  const unit = seededUnit(seed + 1_000_000);
  const totals: RewardTotals[] = means.map(() => zeroTotals);
  let lost = 0;
  for (let step = 0; step < steps; step += batch) {
    const allocation = allocator.allocate();
    for (let within = 0; within < batch; within += 1) {
      const arm = draw(allocation, nextId())?.index as number;
      const mean = means[arm] as number;
      lost += 0.5 - mean;
      const before = totals[arm] as RewardTotals;
      totals[arm] = {
        reward: before.reward + (unit() < mean ? 1 : 0),
        weight: before.weight + 1,
        generations: before.generations + 1,
      };
      allocator.setTotals(ids[arm] as VariantId, totals[arm]);
    }
  }
  return lost;
}

interface MeanRegret {
  readonly mean: number;
  readonly standardError: number;
}

function meanRegret(algorithm: Algorithm): MeanRegret {
  const values = Array.from({ length: runs }, (_, seed) => regret(algorithm, 100 + seed));
  const mean = values.reduce((sum, value) => sum + value, 0) / runs;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (runs - 1);
  return { mean, standardError: Math.sqrt(variance / runs) };
}

const epsilonGreedy = (epsilon: number): Algorithm => ({
  kind: "epsilon_greedy",
  epsilon,
  decayHalfLifeGenerations: 0,
});

/**
 * The seeds are fixed, so a failure is a change of behaviour and never bad luck. Had they been drawn anew,
 * the comparison with epsilon-greedy would fail by chance about once in 1,000, the others once in 10^6.
 */
describe(`regret over ${runs} runs of ${steps} steps on means ${means.join(", ")}`, () => {
  let thompson: MeanRegret;
  let greedy: MeanRegret;
  let uniform: MeanRegret;

  beforeAll(() => {
    thompson = meanRegret({ kind: "thompson_sampling" });
    greedy = meanRegret(epsilonGreedy(0.1));
    uniform = meanRegret(epsilonGreedy(1));
  });

  it("uniform serving loses 0.0875 a step, as it must", () => {
    expect(Math.abs(uniform.mean - 0.0875 * steps)).toBeLessThan(5 * uniform.standardError);
  });

  it("Thompson sampling loses less than 80", () => {
    expect(thompson.mean).toBeLessThan(80);
  });

  it("Thompson sampling loses less than epsilon-greedy, which loses less than uniform", () => {
    const apart = (less: MeanRegret, more: MeanRegret) =>
      (more.mean - less.mean) / Math.hypot(less.standardError, more.standardError);
    expect(apart(thompson, greedy)).toBeGreaterThan(1);
    expect(apart(greedy, uniform)).toBeGreaterThan(5);
  });
});
