import fc from "fast-check";
import { defaultPolicy } from "../../../src/bandit/default-policy.ts";
import type { ContextTotals, RewardTotals } from "../../../src/domain/contribution.ts";
import { parseVariantId, type VariantId } from "../../../src/domain/ids.ts";
import type { Algorithm, Policy } from "../../../src/domain/policy.ts";

function upTo(max: number, min = 0): fc.Arbitrary<number> {
  return fc.double({ min, max, noNaN: true });
}

/** Half-lives, from none to so many that nothing is left. */
export const position = fc.oneof(fc.constant(0), upTo(3), upTo(5000));

/** Number of features of every linear policy here; a context has one value more. */
const featureCount = 2;
export const context: fc.Arbitrary<number[]> = fc
  .array(upTo(10, -10), { minLength: featureCount, maxLength: featureCount })
  .map((values) => [1, ...values]);
/** The epoch of the contexts that count. */
export const contextEpoch = 2;

/** Sums over observed contexts, of every size, off by rounding, some of them of another epoch. */
const contextTotals: fc.Arbitrary<ContextTotals> = fc
  .record({
    observed: fc.array(fc.tuple(context, upTo(1), upTo(1e9, -1e9)), { maxLength: 20 }),
    times: fc.constantFrom(1, 1e-3, 1e6, 1e200),
    slip: fc.constantFrom(0, 1e-9, -1e-9),
    epoch: fc.constantFrom(contextEpoch, contextEpoch, contextEpoch, 1),
  })
  .map(({ observed, times, slip, epoch }) => {
    const products: number[] = [];
    const rewards: number[] = [];
    for (let row = 0; row <= featureCount; row += 1) {
      let reward = 0;
      for (const [values, , value] of observed) reward += times * value * (values[row] as number);
      rewards.push(reward);
      for (let column = row; column <= featureCount; column += 1) {
        let product = 0;
        for (const [values, weight] of observed) {
          product += times * weight * (values[row] as number) * (values[column] as number);
        }
        products.push(product * (1 + (row === column ? slip : -slip)));
      }
    }
    return { epoch, products, rewards };
  });

/**
 * Totals of every size, also slightly impossible ones: reward a little above weight or below 0, squares a
 * little less than the mean demands.
 */
export const totals: fc.Arbitrary<RewardTotals> = fc
  .record({
    weight: fc.oneof(fc.constant(0), upTo(10), upTo(1e7), upTo(1e300)),
    part: fc.oneof(fc.constantFrom(0, 1), upTo(1)),
    slip: fc.constantFrom(0, 0, 1e-9, -1e-9),
    spread: fc.oneof(fc.constant(0), upTo(1)),
    generations: fc.nat(1e9),
    position,
    context: fc.option(contextTotals, { nil: undefined }),
  })
  .map(({ weight, part, slip, spread, generations, position: at, context: sums }) => ({
    weight,
    reward: weight * part + slip,
    squares: Math.max(weight * part * (part + spread * (1 - part)) * (1 - slip), 0),
    generations,
    position: at,
    ...(sums === undefined ? {} : { context: sums }),
  }));

/** Rewards of any size, as far as a client can report them. */
const unboundedTotals: fc.Arbitrary<RewardTotals> = fc
  .tuple(
    totals,
    upTo(1e9, -1e9),
    fc.oneof(fc.constant(0), upTo(1e9)),
    fc.constantFrom(0, 1e-9, -1e-9),
  )
  .map(([some, mean, deviation, slip]) => {
    const weight = Math.min(some.weight, 1e12);
    const squares = weight * (mean * mean + deviation * deviation) * (1 + slip);
    return { ...some, weight, reward: weight * mean, squares };
  });

const features = Array.from({ length: featureCount }, (_, at) => ({
  name: `f${at}`,
  mean: 0,
  scale: 1,
}));

export const algorithms: { readonly [Kind in Algorithm["kind"]]: fc.Arbitrary<Algorithm> } = {
  thompson_sampling: fc.constant({ kind: "thompson_sampling" }),
  epsilon_greedy: fc.record({
    kind: fc.constant("epsilon_greedy"),
    epsilon: upTo(1),
    decayHalfLifeGenerations: fc.constantFrom(0, 1, 1000),
  }),
  gaussian_thompson: fc.record({
    kind: fc.constant("gaussian_thompson"),
    priorMean: upTo(1e6, -1e6),
    priorStrength: fc.oneof(fc.constantFrom(1e-6, 1e6), upTo(10, 1e-6)),
    priorShape: fc.oneof(fc.constantFrom(0.5, 1e6), upTo(10, 0.5)),
    priorScale: fc.oneof(fc.constantFrom(1e-12, 1e12), upTo(10, 1e-12)),
  }),
  ucb1: fc.record({ kind: fc.constant("ucb1"), exploration: upTo(1000) }),
  kl_ucb: fc.record({ kind: fc.constant("kl_ucb"), exploration: upTo(1000) }),
  softmax: fc.record({
    kind: fc.constant("softmax"),
    temperature: fc.oneof(fc.constantFrom(1e-6, 1e6), upTo(1, 1e-6)),
  }),
  top_two_thompson: fc.record({
    kind: fc.constant("top_two_thompson"),
    leaderShare: fc.oneof(fc.constant(1), upTo(1, 1e-9)),
  }),
  linear_thompson: fc.record({
    kind: fc.constant("linear_thompson"),
    features: fc.constant(features),
    priorVariance: fc.oneof(fc.constantFrom(1e-6, 1e6), upTo(10, 1e-6)),
    noiseStandardDeviation: fc.oneof(fc.constantFrom(1e-6, 1e6), upTo(10, 1e-6)),
  }),
};

/** Policies with this algorithm; everything else as it comes. */
export function policyWith(algorithm: fc.Arbitrary<Algorithm>): fc.Arbitrary<Policy> {
  return fc
    .record({
      algorithm,
      explorationShare: fc.oneof(fc.constant(0), upTo(0.5)),
      holdoutShare: fc.oneof(fc.constant(0), upTo(0.5)),
      priorAlpha: upTo(50, 0.5),
      priorBeta: upTo(50, 0.5),
    })
    .map((some) => ({ ...defaultPolicy, ...some }));
}

export const policy: fc.Arbitrary<Policy> = policyWith(fc.oneof(...Object.values(algorithms)));

export function variantIds(count: number): VariantId[] {
  return Array.from({ length: count }, (_, arm) =>
    parseVariantId(`t/v${String(arm).padStart(3, "0")}@1`),
  );
}

/** Some pools with rewards in [0,1], some with rewards of any size. */
export const armTotals = fc.oneof(
  fc.array(totals, { minLength: 1, maxLength: 12 }),
  fc.array(unboundedTotals, { minLength: 1, maxLength: 12 }),
);

/** Priors for some of the arms. */
export const priors = fc.array(
  fc.option(fc.record({ alpha: upTo(600, 0.5), beta: upTo(600, 0.5) }), { nil: undefined }),
  { maxLength: 12 },
);
