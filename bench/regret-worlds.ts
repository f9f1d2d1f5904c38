import { SeededGenerator } from "../src/numerics/random-generator.ts";
import type { SimulatedWorld } from "../test/support/bandit-simulation.ts";
import { shuffled } from "../test/support/code-type-simulation.ts";
import { sampleBeta } from "../test/support/sampling.ts";

/** A problem that every contender plays, with the same rewards for the same arm at the same decision. */
export interface RegretWorld {
  readonly name: string;
  /** Mean reward of each arm; which arm has which is shuffled anew in each run. */
  readonly means: readonly number[];
  /** Decisions in a run. */
  readonly steps: number;
  /** Standard deviation of an arm's Beta-distributed rewards. Absent: they are 0 or 1. */
  readonly spread?: number;
  /** Further decisions before an outcome is known. Absent: 0. */
  readonly outcomeDelay?: number;
  /** Decisions after which the means change places, the best with the worst, again and again. Absent: never. */
  readonly swapEvery?: number;
  /** Decisions after which ours forget half, as a user would set it for such a world. Absent: they forget nothing. */
  readonly halfLife?: number;
}

const four = [0.5, 0.45, 0.4, 0.3];
const composite = { means: [0.6, 0.55, 0.5, 0.4], steps: 5_000 };
const falling = (count: number, from: number, by: number): number[] =>
  Array.from({ length: count }, (_, arm) => (1_000 * from - 1_000 * by * arm) / 1_000);

export const regretWorlds: readonly RegretWorld[] = [
  { name: "2-high", means: [0.9, 0.8], steps: 10_000 },
  { name: "2-low", means: [0.05, 0.03], steps: 10_000 },
  { name: "4", means: four, steps: 10_000 },
  { name: "10", means: falling(10, 0.5, 0.02), steps: 10_000 },
  { name: "20", means: falling(20, 0.7, 0.025), steps: 10_000 },
  { name: "50", means: falling(50, 0.7, 0.01), steps: 10_000 },
  { name: "composite-.35", ...composite, spread: 0.35 },
  { name: "composite-.22", ...composite, spread: 0.22 },
  { name: "composite-.11", ...composite, spread: 0.11 },
  { name: "composite-.06", ...composite, spread: 0.06 },
  { name: "drift", means: [0.6, 0.4], steps: 10_000, swapEvery: 1_000, halfLife: 70 },
  { name: "delay-100", means: four, steps: 10_000, outcomeDelay: 100 },
  { name: "delay-1000", means: four, steps: 10_000, outcomeDelay: 1_000 },
];

/** A world in one run: what each arm would give at each decision. */
export interface RewardTable extends SimulatedWorld {
  /** Decision by decision, arm by arm. */
  readonly rewards: Float64Array;
  /** Of each arm at a decision. */
  meansAt(step: number): readonly number[];
}

/** The same for the same world and run. @param run 1, 2, … */
export function rewardTable(world: RegretWorld, run: number): RewardTable {
  const armCount = world.means.length;
  const order = Array.from(shuffled(armCount, -2 * run));
  const means = order.map((arm) => world.means[arm] as number);
  const swapped = order.map((arm) => world.means[armCount - 1 - arm] as number);
  const isSwapped = (step: number) =>
    world.swapEvery !== undefined && Math.floor(step / world.swapEvery) % 2 === 1;
  const meansAt = (step: number) => (isSwapped(step) ? swapped : means);
  const source = SeededGenerator.fromSeed(-2 * run - 1);
  const draw = (mean: number): number => {
    if (world.spread === undefined) return source.next() < mean ? 1 : 0;
    const size = (mean * (1 - mean)) / world.spread ** 2 - 1;
    return sampleBeta(source, { alpha: size * mean, beta: size * (1 - mean) });
  };
  const rewards = Float64Array.from({ length: world.steps * armCount }, (_, at) =>
    draw(meansAt(Math.floor(at / armCount))[at % armCount] as number),
  );
  return {
    armCount,
    meansAt,
    rewards,
    rewardAt: (step, arm) => rewards[step * armCount + arm] as number,
  };
}
