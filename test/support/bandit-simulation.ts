import type { Allocation } from "../../src/bandit/allocation.ts";
import { Allocator } from "../../src/bandit/allocator.ts";
import { contextOf } from "../../src/bandit/context.ts";
import { draw } from "../../src/bandit/draw.ts";
import {
  type GenerationChange,
  type RewardTotals,
  replaceInTotals,
  zeroTotals,
} from "../../src/domain/contribution.ts";
import { parseVariantId, type VariantId } from "../../src/domain/ids.ts";
import type { Policy } from "../../src/domain/policy.ts";
import { seededIds, seededUnit } from "./seeded-ids.ts";

/** Where a policy is tried out: what the arms are worth, and to whom. */
export interface SimulatedWorld {
  readonly armCount: number;
  /** Mean reward of each arm at a step, for these features. */
  meansAt(step: number, features: Features): readonly number[];
  /** What an arm gives at a step. Absent: 1 with the probability of its mean, else 0. */
  rewardAt?(step: number, arm: number): number;
  /** Features of the next request; none unless given. `unit` is uniform on [0,1). */
  drawFeatures?(unit: () => number): Features;
}

export type Features = Readonly<Record<string, number>>;

export interface SimulatedRun {
  readonly policy: Policy;
  readonly world: SimulatedWorld;
  readonly steps: number;
  /** Steps between two refreshes of the allocation, as under load; 1: after every reward. With a context it is always 1. */
  readonly refreshEvery: number;
  readonly seed: number;
  /** Further decisions before an outcome is booked. Absent: 0. */
  readonly outcomeDelay?: number;
  /** Forgetting: half-lives that have passed at a step. Absent: nothing is forgotten. */
  readonly positionAt?: (step: number) => number;
}

export interface SimulatedStep {
  readonly step: number;
  readonly allocation: Allocation;
  /** What was served, and the reward. */
  readonly arm: number;
  readonly reward: number;
  /** What was lost so far in expectation against always serving the best arm. */
  readonly regret: number;
}

const arms: VariantId[] = Array.from({ length: 50 }, (_, arm) =>
  parseVariantId(`t/v${String(arm).padStart(2, "0")}@1`),
);

const nothing = { reward: 0, weight: 0, squares: 0, generations: 0 };

/** Tells of every step of {@link simulation}. */
export function simulate(run: SimulatedRun, observe: (step: SimulatedStep) => void): void {
  for (const step of simulation(run)) observe(step);
}

/**
 * One run of the real allocator and the real draw against simulated rewards, step by step. The same for the same
 * arguments.
 */
export function* simulation(run: SimulatedRun): Generator<SimulatedStep> {
  const { policy, world, steps, refreshEvery, seed, outcomeDelay = 0 } = run;
  const { algorithm } = policy;
  const ids = arms.slice(0, world.armCount);
  const epoch = 1;
  const allocator = new Allocator({
    policy,
    variantIds: ids,
    baselineId: ids[0] as VariantId,
    contextEpoch: epoch,
  });
  const totals = ids.map(() => zeroTotals);
  const changes: { readonly arm: number; readonly change: GenerationChange }[] = [];
  const nextId = seededIds(2 * seed);
  const unit = seededUnit(2 * seed + 1);
  let allocation = allocator.allocate();
  let regret = 0;
  for (let step = 0; step < steps; step += 1) {
    const position = run.positionAt?.(step) ?? 0;
    const features = world.drawFeatures?.(unit) ?? {};
    const context =
      algorithm.kind === "linear_thompson"
        ? { epoch, values: contextOf(algorithm.features, features) }
        : undefined;
    if (context !== undefined)
      allocation = allocator.allocate({ position, context: context.values });
    else if (step % refreshEvery === 0) allocation = allocator.allocate({ position });
    const arm = draw(allocation, nextId())?.index ?? 0;
    const means = world.meansAt(step, features);
    const reward = world.rewardAt?.(step, arm) ?? (unit() < (means[arm] as number) ? 1 : 0);
    regret += Math.max(...means) - (means[arm] as number);
    const after = { reward, weight: 1, squares: reward * reward, generations: 1 };
    changes.push({
      arm,
      change: { before: nothing, after, position, ...(context === undefined ? {} : { context }) },
    });
    const known = changes[step - outcomeDelay];
    if (known !== undefined) {
      totals[known.arm] = replaceInTotals(totals[known.arm] ?? zeroTotals, known.change);
      allocator.setTotals(ids[known.arm] as VariantId, totals[known.arm] as RewardTotals);
    }
    yield { step, allocation, arm, reward, regret };
  }
}
