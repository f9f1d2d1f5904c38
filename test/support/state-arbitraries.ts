import fc from "fast-check";
import type { VersionedTotals } from "../../src/adapters/redis/reward-totals-codec.ts";
import type { Placement } from "../../src/adapters/state/placement-codec.ts";
import { type ContextTotals, contextLengthMax } from "../../src/domain/contribution.ts";
import type { DecisionRecord } from "../../src/domain/decision.ts";

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const fromZero = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
const epoch = fc.nat({ max: Number.MAX_SAFE_INTEGER });

/** Half of them nowhere special, as most decisions are. */
export const placementArbitrary: fc.Arbitrary<Placement> = fc.oneof(
  fc.constant({ forgettingPosition: 0 }),
  fc.record(
    {
      forgettingPosition: fc.oneof(fc.constant(0), fromZero),
      context: fc.record({
        epoch,
        values: fc.array(finite, { minLength: 1, maxLength: contextLengthMax }),
      }),
    },
    { requiredKeys: ["forgettingPosition"] },
  ),
);

/** Mostly none. */
export const experimentArbitrary: fc.Arbitrary<Pick<DecisionRecord, "experiment">> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  fc.record({
    experiment: fc.record({
      id: fc.stringMatching(/^[!-~]{1,64}$/),
      arm: fc.stringMatching(/^[!-~]{1,64}$/),
    }),
  }),
);

const contextTotals: fc.Arbitrary<ContextTotals> = fc
  .integer({ min: 1, max: contextLengthMax })
  .chain((length) => {
    const numbers = (count: number) => fc.array(finite, { minLength: count, maxLength: count });
    return fc.record({
      epoch,
      products: numbers((length * (length + 1)) / 2),
      rewards: numbers(length),
    });
  });

export const versionedTotalsArbitrary: fc.Arbitrary<VersionedTotals> = fc.record({
  totals: fc.record(
    {
      reward: finite.filter((number) => !Object.is(number, -0)),
      weight: fromZero,
      squares: fromZero,
      generations: fc.nat(),
      position: fromZero,
      context: contextTotals,
    },
    { requiredKeys: ["reward", "weight", "squares", "generations", "position"] },
  ),
  version: fc.integer({ min: 1 }),
});
