import fc from "fast-check";
import type { VersionedTotals } from "../../src/adapters/redis/reward-totals-codec.ts";
import type { Placement } from "../../src/adapters/state/placement-codec.ts";
import { type ContextTotals, contextLengthMax } from "../../src/domain/contribution.ts";
import { type DecisionRecord, decisionSources } from "../../src/domain/decision.ts";
import {
  type GenerationId,
  parseAgentType,
  parseCodeType,
  parseVariantId,
} from "../../src/domain/ids.ts";
import type { ArmKey } from "../../src/ports/state-store.ts";

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const fromZero = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
const epoch = fc.nat({ max: Number.MAX_SAFE_INTEGER });

/** Half of them nowhere special, as most decisions are. */
const placementArbitrary: fc.Arbitrary<Placement> = fc.oneof(
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
const experimentArbitrary: fc.Arbitrary<Pick<DecisionRecord, "experiment">> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  fc.record({
    experiment: fc.record({
      id: fc.stringMatching(/^[!-~]{1,64}$/),
      arm: fc.stringMatching(/^[!-~]{1,64}$/),
    }),
  }),
);

const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,63}$/);
const codeType = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:+#/-]{0,63}$/);

/** An arm with any names. */
export const armArbitrary: fc.Arbitrary<ArmKey> = fc
  .record({
    agentType: name,
    variant: name,
    version: fc.integer({ min: 1, max: 999_999 }),
    codeType,
  })
  .map(({ agentType, variant, version, codeType }) => ({
    agentType: parseAgentType(agentType),
    codeType: parseCodeType(codeType),
    variantId: parseVariantId(`${agentType}/${variant}@${version}`),
  }));

/** A decision of the generation, every other field anywhere in its range. */
export const decisionRecordOf = (generationId: GenerationId): fc.Arbitrary<DecisionRecord> =>
  fc
    .record({
      arm: armArbitrary,
      decidedAtMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
      retainedUntilMs: fc.nat({ max: 2 ** 32 - 1 }).map((seconds) => seconds * 1000),
      source: fc.constantFrom(...decisionSources),
      propensity: fc.double({ min: Number.MIN_VALUE, max: 1, noNaN: true }),
      allocationVersion: fc.stringMatching(/^[0-9a-f]{16}$/),
      placement: placementArbitrary,
      experiment: experimentArbitrary,
    })
    .map(({ arm, placement, experiment, ...rest }) => ({
      generationId,
      ...arm,
      ...rest,
      ...placement,
      ...experiment,
    }));

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
