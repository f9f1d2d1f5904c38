import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Allocation } from "../../../src/bandit/allocation.ts";
import { type AllocationMoment, Allocator } from "../../../src/bandit/allocator.ts";
import { defaultPolicy } from "../../../src/bandit/default-policy.ts";
import { explorationBudget } from "../../../src/bandit/exploration-budget.ts";
import { type RewardTotals, totalsAt, zeroTotals } from "../../../src/domain/contribution.ts";
import type { VariantId } from "../../../src/domain/ids.ts";
import type { Algorithm, Policy } from "../../../src/domain/policy.ts";
import { forAll } from "../../support/for-all.ts";
import {
  algorithms,
  armTotals,
  context,
  contextEpoch,
  policy,
  policyWith,
  position,
  priors,
  totals,
  variantIds,
} from "./arbitraries.ts";

type Priors = readonly ({ alpha: number; beta: number } | undefined)[];

function allocatorFor(policyInForce: Policy, ids: readonly VariantId[]): Allocator {
  return new Allocator({
    policy: policyInForce,
    variantIds: ids,
    baselineId: ids[0] as VariantId,
    contextEpoch,
  });
}

function setPriors(allocator: Allocator, ids: readonly VariantId[], given: Priors): void {
  const entries = ids.flatMap((id, arm) => {
    const prior = given[arm];
    return prior === undefined ? [] : [[id, prior] as const];
  });
  allocator.setPriors(new Map(entries));
}

function allocatorWith(
  policyInForce: Policy,
  arms: readonly RewardTotals[],
  given: Priors = [],
): Allocator {
  const ids = variantIds(arms.length);
  const allocator = allocatorFor(policyInForce, ids);
  setPriors(allocator, ids, given);
  ids.forEach((id, arm) => {
    allocator.setTotals(id, arms[arm] as RewardTotals);
  });
  return allocator;
}

function allocateFrom(
  policyInForce: Policy,
  arms: readonly RewardTotals[],
  moment: AllocationMoment = {},
): Allocation {
  return allocatorWith(policyInForce, arms).allocate(moment);
}

const moment: fc.Arbitrary<AllocationMoment> = fc.oneof(
  fc.constant({}),
  fc.record({ position }),
  fc.record({ position, context }),
);

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

describe.each(Object.entries(algorithms))("%s", (_, algorithm) => {
  const policyInForce = policyWith(algorithm as fc.Arbitrary<Algorithm>);

  it("gives probabilities: finite, none negative, adding up to 1, none below its floor", () =>
    forAll(
      [policyInForce, armTotals, priors, moment],
      { numRuns: 200 },
      (inForce, arms, given, when) => {
        const allocator = allocatorWith(inForce, arms, given);
        const { shares, probabilities, baselineIndex, holdoutShare } = allocator.allocate(when);
        const present = Math.max(when.position ?? 0, ...arms.map((arm) => arm.position));
        const aged = arms.map((arm) => totalsAt(arm, present));
        const floor = explorationBudget(inForce.explorationShare, aged) / arms.length;
        for (const share of shares) {
          expect(share).toBeGreaterThanOrEqual(floor * (1 - 1e-12) - Number.MIN_VALUE);
        }
        for (const probability of probabilities) expect(probability).toBeLessThanOrEqual(1 + 1e-12);
        expect(Math.abs(sum(shares) - 1)).toBeLessThan(1e-12);
        expect(Math.abs(sum(probabilities) - 1)).toBeLessThan(1e-12);
        expect(probabilities[baselineIndex]).toBeGreaterThanOrEqual(holdoutShare * (1 - 1e-12));
      },
    ));

  it("gives arms with equal totals equal shares", () =>
    forAll(
      [policyInForce, armTotals, fc.nat(), moment],
      { numRuns: 50 },
      (inForce, arms, pick, when) => {
        const twin = arms[pick % arms.length] as RewardTotals;
        const { shares } = allocateFrom(inForce, [...arms, twin], when);
        expect(shares[arms.length]).toBe(shares[pick % arms.length]);
      },
    ));

  it("describes each arm by a mean inside its interval, a probability of being best, a loss", () =>
    forAll(
      [policyInForce, armTotals, priors, moment],
      { numRuns: 50 },
      (inForce, arms, given, when) => {
        const views = allocatorWith(inForce, arms, given).posteriors(when);
        expect(views.map(({ variantId }) => variantId)).toEqual(variantIds(arms.length));
        const total = views.reduce((some, { bestProbability }) => some + bestProbability, 0);
        expect(Math.abs(total - 1)).toBeLessThan(1e-12);
        for (const { belief, mean, intervalLow, intervalHigh, expectedLoss } of views) {
          for (const value of Object.values(belief).flat()) {
            if (typeof value === "number") expect(Number.isFinite(value)).toBe(true);
          }
          expect(Number.isFinite(intervalHigh - intervalLow)).toBe(true);
          expect(intervalLow).toBeLessThanOrEqual(mean);
          expect(intervalHigh).toBeGreaterThanOrEqual(mean);
          if (belief.kind === "beta") {
            expect(Math.min(belief.alpha, belief.beta)).toBeGreaterThanOrEqual(0.5);
            expect(intervalLow).toBeGreaterThanOrEqual(0);
            expect(intervalHigh).toBeLessThanOrEqual(1);
            expect(expectedLoss).toBeLessThanOrEqual(1);
          }
          if (expectedLoss === undefined) expect(belief.kind).toBe("normal_inverse_gamma");
          else expect(expectedLoss).toBeGreaterThanOrEqual(0);
        }
      },
    ));
});

describe("Allocator", () => {
  it("does not depend on which arm has which name", () =>
    forAll([policy, armTotals, fc.nat(), moment], (inForce, arms, turn, when) => {
      const straight = allocateFrom(inForce, arms, when).shares;
      const by = turn % arms.length;
      const turned = allocateFrom(inForce, [...arms.slice(by), ...arms.slice(0, by)], when);
      turned.shares.forEach((share, arm) => {
        const other = straight[(arm + by) % arms.length] as number;
        // Rounding, which top-two sampling magnifies when the leader is nearly certain.
        expect(Math.abs(share - other)).toBeLessThan(1e-9);
      });
    }));

  it("gives after any changes bit for bit what it gives from scratch, with the same version", async () => {
    const change = fc.tuple(fc.nat(), totals, priors, fc.option(moment, { nil: undefined }));
    await forAll(
      [policy, armTotals, fc.array(change, { maxLength: 12 }), moment],
      { numRuns: 200 },
      (inForce, arms, changes, when) => {
        const ids = variantIds(arms.length);
        const current = [...arms];
        const allocator = allocatorWith(inForce, arms);
        let given: Priors = [];
        for (const [pick, next, nextPriors, look] of changes) {
          const arm = pick % arms.length;
          current[arm] = next;
          allocator.setTotals(ids[arm] as VariantId, next);
          given = nextPriors;
          setPriors(allocator, ids, given);
          if (look !== undefined) allocator.allocate(look);
        }
        const fresh = allocatorWith(inForce, current, given);
        expect(allocator.allocate(when)).toEqual(fresh.allocate(when));
        expect(allocator.posteriors(when)).toEqual(fresh.posteriors(when));
      },
    );
  });

  it("counts every arm as at the latest position of all, given or an arm's own", () =>
    forAll([policy, armTotals, position], (inForce, arms, at) => {
      const latest = Math.max(at, ...arms.map((arm) => arm.position));
      const aged = arms.map((arm) => totalsAt(arm, latest));
      expect(allocateFrom(inForce, arms, { position: at })).toEqual(allocateFrom(inForce, aged));
    }));

  it("keeps the same allocation object until something changes, and ignores ids that are no arm", () =>
    forAll([policy, armTotals], { numRuns: 20 }, (inForce, arms) => {
      const ids = variantIds(arms.length);
      const allocator = allocatorFor(inForce, ids);
      const first = allocator.allocate();
      expect(allocator.setTotals(ids[0] as VariantId, { ...zeroTotals })).toBe(true);
      const [foreign] = variantIds(200).slice(-1) as [VariantId];
      expect(allocator.setTotals(foreign, arms[0] as RewardTotals)).toBe(false);
      allocator.setPriors(new Map([[foreign, { alpha: 3, beta: 9 }]]));
      // Nothing was learned, so nothing is forgotten.
      expect(allocator.allocate({ position: 7 })).toBe(first);
    }));

  it("makes a new object when time alone has changed the posterior", () => {
    const ids = variantIds(2);
    const allocator = allocatorFor(defaultPolicy, ids);
    allocator.setTotals(ids[0] as VariantId, {
      reward: 60,
      weight: 80,
      squares: 60,
      generations: 80,
      position: 2,
    });
    const before = allocator.allocate({ position: 1 });
    expect(allocator.allocate({ position: 2 })).toBe(before);
    const after = allocator.allocate({ position: 3 });
    expect(after.version).not.toBe(before.version);
    expect(allocator.allocate({ position: 2 })).toEqual(before);
  });
});

describe("epsilon-greedy", () => {
  it("has shares that are ε/K everywhere plus 1 − ε on the highest mean", () =>
    forAll(
      [armTotals, fc.double({ min: 0, max: 1, noNaN: true }), policy],
      (arms, epsilon, some) => {
        const inForce: Policy = {
          ...some,
          explorationShare: 0,
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
    ));

  it("halves ε after its half-life, counted over all arms", () => {
    const inForce = (half: number): Policy => ({
      ...(fc.sample(policy, 1)[0] as Policy),
      explorationShare: 0,
      priorAlpha: 1,
      priorBeta: 1,
      algorithm: { kind: "epsilon_greedy", epsilon: 0.4, decayHalfLifeGenerations: half },
    });
    const arms = [
      { reward: 5, weight: 5, squares: 5, generations: 60, position: 0 },
      { ...zeroTotals, generations: 40 },
    ];
    expect(allocateFrom(inForce(100), arms).shares[1]).toBeCloseTo(0.1, 12);
    expect(allocateFrom(inForce(0), arms).shares[1]).toBeCloseTo(0.2, 12);
  });
});
