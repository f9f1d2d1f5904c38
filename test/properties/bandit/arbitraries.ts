import fc from "fast-check";
import { defaultPolicy } from "../../../src/bandit/default-policy.ts";
import type { RewardTotals } from "../../../src/domain/contribution.ts";
import { parseVariantId, type VariantId } from "../../../src/domain/ids.ts";
import type { Policy } from "../../../src/domain/policy.ts";

/** Totals of every size, also slightly impossible ones (reward a little above weight, below 0). */
export const totals: fc.Arbitrary<RewardTotals> = fc
  .record({
    weight: fc.oneof(
      fc.constant(0),
      fc.double({ min: 0, max: 10, noNaN: true }),
      fc.double({ min: 0, max: 1e7, noNaN: true }),
      fc.double({ min: 0, max: 1e300, noNaN: true }),
    ),
    part: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
    slip: fc.constantFrom(0, 0, 1e-9, -1e-9),
    generations: fc.nat(1e9),
  })
  .map(({ weight, part, slip, generations }) => ({
    weight,
    reward: weight * part + slip,
    generations,
  }));

export const policy: fc.Arbitrary<Policy> = fc
  .record({
    algorithm: fc.oneof(
      fc.constant({ kind: "thompson_sampling" } as const),
      fc.record({
        kind: fc.constant("epsilon_greedy" as const),
        epsilon: fc.double({ min: 0, max: 1, noNaN: true }),
        decayHalfLifeGenerations: fc.constantFrom(0, 1, 1000),
      }),
    ),
    minimumShare: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
    holdoutShare: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.5, noNaN: true })),
    priorAlpha: fc.double({ min: 0.5, max: 50, noNaN: true }),
    priorBeta: fc.double({ min: 0.5, max: 50, noNaN: true }),
  })
  .map((some) => ({ ...defaultPolicy, ...some }));

export function variantIds(count: number): VariantId[] {
  return Array.from({ length: count }, (_, arm) =>
    parseVariantId(`t/v${String(arm).padStart(3, "0")}@1`),
  );
}

export const armTotals = fc.array(totals, { minLength: 1, maxLength: 12 });
