import { Allocator } from "../../src/bandit/allocator.ts";
import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import { draw } from "../../src/bandit/draw.ts";
import { replaceInTotals, zeroTotals } from "../../src/domain/contribution.ts";
import { parseVariantId, type VariantId } from "../../src/domain/ids.ts";
import type { Algorithm } from "../../src/domain/policy.ts";
import type { RewardedDecision } from "../../src/statistics/logged-decision.ts";
import { seededIds, seededUnit } from "./seeded-ids.ts";

export interface AdaptiveLogOptions {
  readonly algorithm: Algorithm;
  readonly minimumShare: number;
  /** Probability of reward 1, else 0, of each arm. */
  readonly meansAt: (step: number) => readonly number[];
  readonly steps: number;
  readonly seed: number;
}

/** Steps between two refreshes of the allocation, as under load. */
const refreshEvery = 10;
const nothing = { reward: 0, weight: 0, squares: 0, generations: 0 };

export const thompson: Algorithm = { kind: "thompson_sampling" };

export function epsilonGreedy(epsilon: number): Algorithm {
  return { kind: "epsilon_greedy", epsilon, decayHalfLifeGenerations: 0 };
}

/**
 * The log of one run of the real allocator and the real draw against simulated 0/1 rewards. The same for the same options.
 * The propensities of up to ten decisions in a row are one array.
 */
export function* adaptiveLog(options: AdaptiveLogOptions): Generator<RewardedDecision> {
  const { algorithm, minimumShare, meansAt, steps, seed } = options;
  const ids = meansAt(0).map((_, arm) => parseVariantId(`t/v${arm}@1`));
  const allocator = new Allocator({
    policy: { ...defaultPolicy, algorithm, minimumShare },
    variantIds: ids,
    baselineId: ids[0] as VariantId,
  });
  const totals = ids.map(() => zeroTotals);
  const nextId = seededIds(2 * seed);
  const unit = seededUnit(2 * seed + 1);
  let allocation = allocator.allocate();
  for (let step = 0; step < steps; step += 1) {
    if (step % refreshEvery === 0) {
      ids.forEach((id, arm) => {
        allocator.setTotals(id, totals[arm] ?? zeroTotals);
      });
      allocation = allocator.allocate();
    }
    const arm = draw(allocation, nextId())?.index ?? 0;
    const reward = unit() < (meansAt(step)[arm] as number) ? 1 : 0;
    totals[arm] = replaceInTotals(totals[arm] ?? zeroTotals, {
      before: nothing,
      after: { reward, weight: 1, squares: reward, generations: 1 },
      position: 0,
    });
    yield { propensities: allocation.probabilities, arm, reward };
  }
}
