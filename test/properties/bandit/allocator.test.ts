import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Allocation } from "../../../src/bandit/allocation.ts";
import { Allocator } from "../../../src/bandit/allocator.ts";
import type { RewardTotals } from "../../../src/domain/contribution.ts";
import type { VariantId } from "../../../src/domain/ids.ts";
import type { Policy } from "../../../src/domain/policy.ts";
import { armTotals, policy, totals, variantIds } from "./arbitraries.ts";

function allocatorFor(policyInForce: Policy, ids: readonly VariantId[]): Allocator {
  return new Allocator({ policy: policyInForce, variantIds: ids, baselineId: ids[0] as VariantId });
}

function allocateFrom(policyInForce: Policy, arms: readonly RewardTotals[]): Allocation {
  const ids = variantIds(arms.length);
  const allocator = allocatorFor(policyInForce, ids);
  ids.forEach((id, arm) => {
    allocator.setTotals(id, arms[arm] as RewardTotals);
  });
  return allocator.allocate();
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

describe("Allocator", () => {
  it("gives probabilities: finite, none negative, adding up to 1, none below its floor", () => {
    fc.assert(
      fc.property(policy, armTotals, (policyInForce, arms) => {
        const { shares, probabilities, baselineIndex, holdoutShare } = allocateFrom(
          policyInForce,
          arms,
        );
        const floor = Math.min(policyInForce.minimumShare, 1 / arms.length);
        for (const share of shares) expect(share).toBeGreaterThanOrEqual(floor * (1 - 1e-12));
        for (const probability of probabilities) expect(probability).toBeLessThanOrEqual(1 + 1e-12);
        expect(Math.abs(sum(shares) - 1)).toBeLessThan(1e-12);
        expect(Math.abs(sum(probabilities) - 1)).toBeLessThan(1e-12);
        expect(probabilities[baselineIndex]).toBeGreaterThanOrEqual(holdoutShare * (1 - 1e-12));
      }),
      { numRuns: 300 },
    );
  });

  it("gives arms with equal totals equal shares", () => {
    fc.assert(
      fc.property(policy, armTotals, fc.nat(), (policyInForce, arms, pick) => {
        const twin = arms[pick % arms.length] as RewardTotals;
        const { shares } = allocateFrom(policyInForce, [...arms, twin]);
        expect(shares[arms.length]).toBe(shares[pick % arms.length]);
      }),
    );
  });

  it("does not depend on which arm has which name", () => {
    fc.assert(
      fc.property(policy, armTotals, fc.nat(), (policyInForce, arms, turn) => {
        const straight = allocateFrom(policyInForce, arms).shares;
        const by = turn % arms.length;
        const turned = allocateFrom(policyInForce, [
          ...arms.slice(by),
          ...arms.slice(0, by),
        ]).shares;
        turned.forEach((share, arm) => {
          const other = straight[(arm + by) % arms.length] as number;
          expect(Math.abs(share - other)).toBeLessThan(1e-12);
        });
      }),
    );
  });

  it("gives after any changes bit for bit what it gives from scratch, with the same version", () => {
    const change = fc.tuple(fc.nat(), totals, fc.boolean());
    fc.assert(
      fc.property(
        policy,
        armTotals,
        fc.array(change, { maxLength: 20 }),
        (inForce, arms, changes) => {
          const ids = variantIds(arms.length);
          const current = [...arms];
          const allocator = allocatorFor(inForce, ids);
          ids.forEach((id, arm) => {
            allocator.setTotals(id, current[arm] as RewardTotals);
          });
          for (const [pick, next, look] of changes) {
            const arm = pick % arms.length;
            current[arm] = next;
            allocator.setTotals(ids[arm] as VariantId, next);
            if (look) allocator.allocate();
          }
          expect(allocator.allocate()).toEqual(allocateFrom(inForce, current));
        },
      ),
    );
  });

  it("describes each arm by a mean inside its interval and a probability of being best", () => {
    fc.assert(
      fc.property(policy, armTotals, (policyInForce, arms) => {
        const ids = variantIds(arms.length);
        const allocator = allocatorFor(policyInForce, ids);
        ids.forEach((id, arm) => {
          allocator.setTotals(id, arms[arm] as RewardTotals);
        });
        const views = allocator.posteriors();
        expect(views.map(({ variantId }) => variantId)).toEqual(ids);
        const total = views.reduce((some, { bestProbability }) => some + bestProbability, 0);
        expect(Math.abs(total - 1)).toBeLessThan(1e-12);
        for (const { alpha, beta, mean, intervalLow, intervalHigh } of views) {
          expect(Math.min(alpha, beta)).toBeGreaterThanOrEqual(0.5);
          expect(intervalLow).toBeGreaterThanOrEqual(0);
          expect(intervalHigh).toBeLessThanOrEqual(1);
          expect(intervalLow).toBeLessThanOrEqual(mean);
          expect(intervalHigh).toBeGreaterThanOrEqual(mean);
        }
      }),
    );
  });

  it("keeps the same allocation object until totals change, and ignores ids that are no arm", () => {
    fc.assert(
      fc.property(policy, armTotals, (policyInForce, arms) => {
        const ids = variantIds(arms.length);
        const allocator = allocatorFor(policyInForce, ids);
        const first = allocator.allocate();
        const zero = { reward: 0, weight: 0, generations: 0 };
        expect(allocator.setTotals(ids[0] as VariantId, zero)).toBe(true);
        const [foreign] = variantIds(200).slice(-1) as [VariantId];
        expect(allocator.setTotals(foreign, arms[0] as RewardTotals)).toBe(false);
        expect(allocator.allocate()).toBe(first);
      }),
      { numRuns: 20 },
    );
  });
});

describe("epsilon-greedy", () => {
  it("has shares that are ε/K everywhere plus 1 − ε on the highest mean", () => {
    fc.assert(
      fc.property(
        armTotals,
        fc.double({ min: 0, max: 1, noNaN: true }),
        policy,
        (arms, epsilon, some) => {
          const inForce: Policy = {
            ...some,
            minimumShare: 0,
            algorithm: { kind: "epsilon_greedy", epsilon, decayHalfLifeGenerations: 0 },
          };
          const { shares } = allocateFrom(inForce, arms);
          const explored = epsilon / arms.length;
          const greedy = [...shares].filter((share) => share > explored + 1e-9);
          if (epsilon < 1 - 1e-6) expect(greedy.length).toBeGreaterThan(0);
          for (const share of greedy) {
            expect(share).toBeCloseTo(explored + (1 - epsilon) / greedy.length, 9);
          }
        },
      ),
    );
  });

  it("halves ε after its half-life, counted over all arms", () => {
    const base = { reward: 0, weight: 0 };
    const inForce = (half: number): Policy => ({
      ...(fc.sample(policy, 1)[0] as Policy),
      minimumShare: 0,
      priorAlpha: 1,
      priorBeta: 1,
      algorithm: { kind: "epsilon_greedy", epsilon: 0.4, decayHalfLifeGenerations: half },
    });
    const arms = [
      { reward: 5, weight: 5, generations: 60 },
      { ...base, generations: 40 },
    ];
    expect(allocateFrom(inForce(100), arms).shares[1]).toBeCloseTo(0.1, 12);
    expect(allocateFrom(inForce(0), arms).shares[1]).toBeCloseTo(0.2, 12);
  });
});
