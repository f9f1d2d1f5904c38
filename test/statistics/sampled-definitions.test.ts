import { describe, expect, it } from "vitest";
import { Allocator } from "../../src/bandit/allocator.ts";
import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import type { RewardTotals } from "../../src/domain/contribution.ts";
import { parseVariantId, type VariantId } from "../../src/domain/ids.ts";
import type { Algorithm } from "../../src/domain/policy.ts";
import { SeededGenerator, type UniformSource } from "../../src/numerics/random-generator.ts";
import { algorithmsWithDefaults } from "../support/algorithms-with-defaults.ts";
import { chiSquare } from "../support/chi-square.ts";
import { sampleBeta, sampleGamma, sampleNormal } from "../support/sampling.ts";

/**
 * The literature defines Thompson sampling and its kin by drawing from posteriors. Here each is done just so,
 * many times, and the frequencies are held against the computed shares by chi-square, with a false alarm rate of
 * 1e-6 a test; the seeds are fixed. This is what ties the quadrature, the posteriors' parameters and the
 * formula of top-two sampling to their definitions.
 */
const draws = 300_000;
/** Upper 1e-6 point of chi-square with 3 degrees of freedom (SciPy chi2.isf). */
const critical = 30.66;

const ids = ["a", "b", "c", "d"].map((name) => parseVariantId(`t/${name}@1`));
const contextEpoch = 5;
const context = [1, 0.8];
const prior = { alpha: 1, beta: 1 };

const arms: readonly RewardTotals[] = [
  [10, 6.5, 5.5],
  [6, 3.5, 3.2],
  [3, 1, 0.6],
  [1, 1.2, 1.44],
].map(([weight, reward, squares], arm) => ({
  weight: weight as number,
  reward: reward as number,
  squares: squares as number,
  generations: 12,
  position: 0,
  context: {
    epoch: contextEpoch,
    products: [weight as number, 0.2 * arm, (weight as number) * 1.5],
    rewards: [reward as number, 0.9 * arm],
  },
}));

/** Tosses of a coin, as the Beta posterior counts them. */
const bounded = arms.map((totals) => {
  const reward = Math.min(totals.reward, totals.weight);
  return { ...totals, reward, squares: reward };
});

function sharesOf(algorithm: Algorithm, totals: readonly RewardTotals[]): Float64Array {
  const allocator = new Allocator({
    policy: { ...defaultPolicy, algorithm, explorationShare: 0 },
    variantIds: ids,
    baselineId: ids[0] as VariantId,
    contextEpoch,
  });
  totals.forEach((one, arm) => {
    allocator.setTotals(ids[arm] as VariantId, one);
  });
  return allocator.allocate({ context }).shares;
}

/** One value of each arm's mean, from its posterior. */
type Sampler = (source: UniformSource) => number[];

const betaSampler: Sampler = (source) =>
  bounded.map(({ reward, weight }) =>
    sampleBeta(source, { alpha: prior.alpha + reward, beta: prior.beta + weight - reward }),
  );

/** σ² from its inverse gamma, then the mean given σ²: no Student t in sight. */
const gaussianSampler: Sampler = (source) =>
  arms.map(({ reward, weight, squares }) => {
    const average = reward / weight;
    const strength = 1 + weight;
    const shape = 1 + weight / 2;
    const scale =
      0.25 + (squares - reward * average) / 2 + (weight * (average - 0.5) ** 2) / (2 * strength);
    const variance = scale / sampleGamma(source, shape);
    const mean = (0.5 + reward) / strength;
    return mean + Math.sqrt(variance / strength) * sampleNormal(source);
  });

/** Both coefficients from their joint normal distribution, by the inverse of a 2×2 matrix. */
const linearSampler: Sampler = (source) =>
  arms.map(({ context: sums }) => {
    const [a, b, c] = (sums?.products ?? []).map((product) => product / 0.25) as [
      number,
      number,
      number,
    ];
    const [first, second] = (sums?.rewards ?? []).map((reward) => reward / 0.25) as [
      number,
      number,
    ];
    const determinant = (a + 1) * (c + 1) - b * b;
    const [v11, v12, v22] = [(c + 1) / determinant, -b / determinant, (a + 1) / determinant];
    const mean1 = v11 * (first + 0.5) + v12 * second;
    const mean2 = v12 * (first + 0.5) + v22 * second;
    const one = sampleNormal(source);
    const theta1 = mean1 + Math.sqrt(v11) * one;
    const theta2 =
      mean2 + (v12 / Math.sqrt(v11)) * one + Math.sqrt(v22 - v12 ** 2 / v11) * sampleNormal(source);
    return theta1 + theta2 * (context[1] as number);
  });

function largest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

const thompson = (sampler: Sampler) => (source: UniformSource) => largest(sampler(source));

function topTwo(source: UniformSource): number {
  const first = largest(betaSampler(source));
  if (source.next() < 0.5) return first;
  for (;;) {
    const other = largest(betaSampler(source));
    if (other !== first) return other;
  }
}

type Choice = (source: UniformSource) => number;

/** How often each arm is chosen. */
function countsOf(choose: Choice): readonly number[] {
  const source = SeededGenerator.fromSeed(20261124);
  const counts = new Array<number>(ids.length).fill(0);
  for (let count = 0; count < draws; count += 1) {
    const arm = choose(source);
    counts[arm] = (counts[arm] as number) + 1;
  }
  return counts;
}

describe("computed shares are the frequencies of the algorithm as the literature draws it", () => {
  const settings: [Algorithm["kind"], Choice, readonly RewardTotals[]][] = [
    ["thompson_sampling", thompson(betaSampler), bounded],
    ["gaussian_thompson", thompson(gaussianSampler), arms],
    ["linear_thompson", thompson(linearSampler), arms],
    ["top_two_thompson", topTwo, bounded],
  ];

  it.each(settings)("%s, and a tenth of an outcome more is found", (kind, choose, totals) => {
    const counts = countsOf(choose);
    const shares = sharesOf(algorithmsWithDefaults[kind], totals);
    expect(Math.min(...shares)).toBeGreaterThan(0.005);
    expect(chiSquare(counts, shares)).toBeLessThan(critical);

    // The negative control.
    const wrong = sharesOf(algorithmsWithDefaults[kind], oneTenthMore(totals));
    expect(chiSquare(counts, wrong)).toBeGreaterThan(critical);
  });
});

/** Of reward, for the second arm. */
function oneTenthMore(totals: readonly RewardTotals[]): readonly RewardTotals[] {
  return totals.map((one, arm) => {
    if (arm !== 1) return one;
    const [first = 0, ...rest] = one.context?.rewards ?? [];
    return {
      ...one,
      reward: one.reward + 0.1,
      context: {
        epoch: contextEpoch,
        products: one.context?.products ?? [],
        rewards: [first + 0.1, ...rest],
      },
    };
  });
}
