import { defaultPolicy } from "../src/bandit/default-policy.ts";
import type { Policy } from "../src/domain/policy.ts";
import {
  algorithmsWithDefaults as defaults,
  purePolicy,
} from "../test/support/algorithms-with-defaults.ts";
import { simulate } from "../test/support/bandit-simulation.ts";
import type { RegretWorld, RewardTable } from "./regret-worlds.ts";

/**
 * Decisions between two moments at which a contender learns, ours and the others: 10 is what 200 decisions a second
 * see at the default refresh interval.
 */
export const refreshEvery = 10;

/** The one that all others are compared with: a new agent type that was given no policy. */
export const reference = "default";

interface OwnContender {
  readonly name: string;
  readonly policy: Policy;
  /** In a world that drifts too. */
  readonly neverForgets?: true;
}

const decaying = { kind: "epsilon_greedy", epsilon: 1, decayHalfLifeGenerations: 100 } as const;

const always: readonly OwnContender[] = [
  { name: reference, policy: defaultPolicy },
  ...(
    [
      "thompson_sampling",
      "gaussian_thompson",
      "top_two_thompson",
      "kl_ucb",
      "ucb1",
      "epsilon_greedy",
      "softmax",
    ] as const
  ).map((kind) => ({ name: kind, policy: purePolicy(defaults[kind]) })),
  { name: "epsilon_greedy, decaying", policy: purePolicy(decaying) },
];

const neverForgets: OwnContender = {
  name: "default, never forgetting",
  policy: defaultPolicy,
  neverForgets: true,
};

/** What each of ours lost in one run, by name. */
export function ownRegrets(
  world: RegretWorld,
  table: RewardTable,
  run: number,
): Record<string, number> {
  const contenders = world.halfLife === undefined ? always : [...always, neverForgets];
  return Object.fromEntries(
    contenders.map((contender) => [contender.name, regretOf(contender, world, table, run)]),
  );
}

function regretOf(
  contender: OwnContender,
  world: RegretWorld,
  table: RewardTable,
  run: number,
): number {
  const { steps, outcomeDelay = 0, halfLife } = world;
  const forgets = halfLife !== undefined && !contender.neverForgets;
  let lost = 0;
  simulate(
    {
      ...{ policy: contender.policy, world: table, steps, refreshEvery, outcomeDelay, seed: run },
      ...(forgets ? { positionAt: (step: number) => step / halfLife } : {}),
    },
    ({ regret }) => {
      lost = regret;
    },
  );
  return lost;
}
