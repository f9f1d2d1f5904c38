import { describe, expect, it } from "vitest";
import { Allocator } from "../../../src/bandit/allocator.ts";
import type { ArmBelief } from "../../../src/bandit/arm-posterior.ts";
import { defaultPolicy } from "../../../src/bandit/default-policy.ts";
import { type RewardTotals, zeroTotals } from "../../../src/domain/contribution.ts";
import { parseVariantId } from "../../../src/domain/ids.ts";
import type { Algorithm } from "../../../src/domain/policy.ts";
import { algorithmsWithDefaults } from "../../support/algorithms-with-defaults.ts";

const a = parseVariantId("t/a@1");
const b = parseVariantId("t/b@1");

function allocatorFor(algorithm: Algorithm): Allocator {
  return new Allocator({
    policy: { ...defaultPolicy, algorithm, priorAlpha: 2, priorBeta: 3, explorationShare: 0 },
    variantIds: [b, a],
    baselineId: a,
    contextEpoch: 7,
  });
}

const totals: RewardTotals = {
  reward: 6,
  weight: 8,
  squares: 5,
  generations: 20,
  position: 1,
  context: { epoch: 7, products: [8, 2, 16], rewards: [6, 4] },
};

/** The same of rewards that are 0 or 1: each is worth one toss. */
const tosses: RewardTotals = { ...totals, squares: totals.reward };

function beliefs(allocator: Allocator, moment = {}): ArmBelief[] {
  return allocator.posteriors(moment).map(({ belief }) => belief);
}

describe("posteriors", () => {
  it("are the policy's prior plus the totals, ordered by variant id", () => {
    const allocator = allocatorFor(algorithmsWithDefaults.thompson_sampling);
    allocator.setTotals(b, tosses);
    const [first, second] = allocator.posteriors();
    expect(first).toMatchObject({
      variantId: a,
      belief: { kind: "beta", alpha: 2, beta: 3 },
      generations: 0,
      effectiveWeight: 0,
    });
    expect(second).toMatchObject({
      variantId: b,
      belief: { kind: "beta", alpha: 8, beta: 5 },
      generations: 20,
      effectiveWeight: 8,
      effectiveReward: 6,
    });
  });

  it("count half after a half-life, the generations whole", () => {
    const allocator = allocatorFor(algorithmsWithDefaults.thompson_sampling);
    allocator.setTotals(b, tosses);
    expect(allocator.posteriors({ position: 2 })[1]).toMatchObject({
      belief: { alpha: 5, beta: 4 },
      generations: 20,
      effectiveWeight: 4,
      effectiveReward: 3,
    });
  });

  it("of every algorithm on rewards in [0,1] are Beta", () => {
    for (const algorithm of Object.values(algorithmsWithDefaults)) {
      const [first] = beliefs(allocatorFor(algorithm));
      const own: Partial<Record<Algorithm["kind"], ArmBelief["kind"]>> = {
        gaussian_thompson: "normal_inverse_gamma",
        linear_thompson: "linear",
      };
      expect(first?.kind).toBe(own[algorithm.kind] ?? "beta");
    }
  });
});

describe("a prior learned from elsewhere", () => {
  const priors = new Map([[b, { alpha: 16, beta: 4 }]]);

  it("takes the place of the policy's Beta prior", () => {
    const allocator = allocatorFor(algorithmsWithDefaults.softmax);
    allocator.setTotals(b, tosses);
    allocator.setPriors(priors);
    expect(beliefs(allocator)).toEqual([
      { kind: "beta", alpha: 2, beta: 3 },
      { kind: "beta", alpha: 22, beta: 6 },
    ]);
    allocator.setPriors(new Map());
    expect(beliefs(allocator)[1]).toEqual({ kind: "beta", alpha: 8, beta: 5 });
  });

  it("gives the Gaussian prior its mean and strength, not its variance", () => {
    const allocator = allocatorFor(algorithmsWithDefaults.gaussian_thompson);
    allocator.setPriors(priors);
    expect(beliefs(allocator)).toEqual([
      { kind: "normal_inverse_gamma", mean: 0.5, strength: 1, shape: 1, scale: 0.25 },
      { kind: "normal_inverse_gamma", mean: 0.8, strength: 20, shape: 1, scale: 0.25 },
    ]);
  });

  it("gives the intercept of the linear model its mean and, when it is the stronger, its strength", () => {
    const allocator = allocatorFor(algorithmsWithDefaults.linear_thompson);
    allocator.setPriors(priors);
    const [plain, shared] = allocator.posteriors();
    expect(plain?.mean).toBeCloseTo(0.4, 12);
    expect(plain?.belief).toMatchObject({ standardDeviation: 1 });
    expect(shared?.mean).toBeCloseTo(0.8, 12);
    expect(shared?.belief).toMatchObject({
      standardDeviation: expect.closeTo(Math.sqrt(0.25 / 20), 12),
    });
  });

  it("is of no account to UCB", () => {
    for (const algorithm of [algorithmsWithDefaults.ucb1, algorithmsWithDefaults.kl_ucb]) {
      const allocator = allocatorFor(algorithm);
      allocator.setTotals(a, { ...totals, reward: 7 });
      allocator.setTotals(b, totals);
      allocator.setPriors(priors);
      expect([...allocator.allocate({ position: 1 }).shares]).toEqual([1, 0]);
    }
  });
});

describe("contexts", () => {
  const { linear_thompson: linear } = algorithmsWithDefaults;

  it("are what an allocation is made for, each its own, by a contextual algorithm only", () => {
    const allocator = allocatorFor(linear);
    allocator.setTotals(b, totals);
    const high = allocator.allocate({ context: [1, 2] });
    const low = allocator.allocate({ context: [1, -2] });
    expect(high.shares[1]).toBeGreaterThan(low.shares[1] as number);
    expect(allocator.allocate({ context: [1, 2] })).toEqual(high);
    expect(allocator.allocate()).toEqual(allocator.allocate({ context: [1, 0] }));

    const plain = allocatorFor(algorithmsWithDefaults.thompson_sampling);
    plain.setTotals(b, totals);
    expect(plain.allocate({ context: [1, 2] })).toBe(plain.allocate());
  });

  it("of another epoch, or of another length, teach nothing", () => {
    const untaught = allocatorFor(linear).allocate();
    for (const context of [
      { epoch: 6, products: [8, 2, 16], rewards: [6, 4] },
      { epoch: 7, products: [8], rewards: [6] },
    ]) {
      const allocator = allocatorFor(linear);
      allocator.setTotals(b, { ...zeroTotals, weight: 8, reward: 6, generations: 20, context });
      expect(allocator.allocate()).toEqual(untaught);
    }
  });
});
