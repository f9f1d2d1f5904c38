import { evidenceScales } from "../../src/bandit/evidence-scale.ts";
import { explorationBudget } from "../../src/bandit/exploration-budget.ts";
import { type Posterior, posterior } from "../../src/bandit/posterior.ts";
import { SharedPrior } from "../../src/bandit/shared-prior.ts";
import { type RewardTotals, zeroTotals } from "../../src/domain/contribution.ts";
import {
  type CodeType,
  parseCodeType,
  parseVariantId,
  type VariantId,
} from "../../src/domain/ids.ts";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import { sampleBeta } from "./sampling.ts";

/** What every arm would earn in each of some tasks. */
export interface TaskSet {
  readonly codeTypes: readonly CodeType[];
  readonly arms: readonly VariantId[];
  readonly taskCount: number;
  /** Index into {@link codeTypes}. */
  codeTypeOf(task: number): number;
  /** [0,1]. */
  rewardOf(task: number, arm: number): number;
  /** Mean of {@link rewardOf} where it is known, else the same: what is added up, so that luck adds no noise. */
  expectedOf(task: number, arm: number): number;
}

export type Cells = ReadonlyMap<
  CodeType,
  ReadonlyMap<VariantId, { reward: number; weight: number }>
>;

/** Makes priors from the totals so far. */
export type LearnPriors = (
  totals: Cells,
  arms: readonly VariantId[],
) => (codeType: CodeType, arm: VariantId) => Posterior;

export const uniformPrior: Posterior = { alpha: 1, beta: 1 };

type Cell = { -readonly [Name in keyof RewardTotals]: RewardTotals[Name] };

/** Each code type on its own. */
export const independent: LearnPriors = () => () => uniformPrior;

export function shared(strengthMax: number): LearnPriors {
  return (codeTypes, variantIds) => {
    const estimate = SharedPrior.estimate({
      codeTypes,
      variantIds,
      prior: uniformPrior,
      strengthMax,
    });
    return (codeType, arm) => estimate.priorOf(codeType, arm);
  };
}

/** All outcomes of the other code types, at full weight: no cap, no question whether they are alike. */
export const pooled: LearnPriors = (totals) => (codeType, arm) => {
  let { alpha, beta } = uniformPrior;
  for (const [other, cells] of totals) {
    const cell = cells.get(arm);
    if (other === codeType || cell === undefined) continue;
    alpha += cell.reward;
    beta += cell.weight - cell.reward;
  }
  return { alpha, beta };
};

export function codeTypeNames(count: number): CodeType[] {
  return Array.from({ length: count }, (_, at) => parseCodeType(`c${String(at).padStart(4, "0")}`));
}

export function armNames(count: number): VariantId[] {
  return Array.from({ length: count }, (_, at) =>
    parseVariantId(`t/v${String(at).padStart(3, "0")}@1`),
  );
}

/** Rewards 0 and 1; in code type c arm c mod `armCount` earns `best` on average, every other arm `rest`. */
export function disagreeingTasks(options: {
  readonly codeTypeCount: number;
  readonly armCount: number;
  readonly taskCount: number;
  readonly best: number;
  readonly rest: number;
  readonly seed: number;
}): TaskSet {
  const { codeTypeCount, armCount, taskCount, best, rest } = options;
  const generator = SeededGenerator.fromSeed(options.seed);
  const codeTypeOf = (task: number) => task % codeTypeCount;
  const expectedOf = (task: number, arm: number) =>
    codeTypeOf(task) % armCount === arm ? best : rest;
  const rewards = Uint8Array.from({ length: taskCount * armCount }, (_, at) =>
    generator.next() < expectedOf(Math.floor(at / armCount), at % armCount) ? 1 : 0,
  );
  return {
    codeTypes: codeTypeNames(codeTypeCount),
    arms: armNames(armCount),
    taskCount,
    codeTypeOf,
    rewardOf: (task, arm) => rewards[task * armCount + arm] as number,
    expectedOf,
  };
}

/**
 * Code types in which arm 1 earns `best` and every other arm `rest`, one after the other's outcomes in turn; then one in
 * which arm 0 is the best by as much, or the same one. Only the outcomes of that late one are added up, as what they lose.
 */
export function lateTasks(options: {
  readonly codeTypeCount: number;
  readonly armCount: number;
  readonly outcomesEach: number;
  readonly outcomesLate: number;
  readonly best: number;
  readonly rest: number;
  /** How far the levels of code types reach to both sides. */
  readonly levels: number;
  readonly disagrees: boolean;
  readonly seed: number;
}): TaskSet {
  const { codeTypeCount, armCount, best, rest } = options;
  const generator = SeededGenerator.fromSeed(options.seed);
  const earlyCount = codeTypeCount * options.outcomesEach;
  const taskCount = earlyCount + options.outcomesLate;
  const codeTypeOf = (task: number) => (task < earlyCount ? task % codeTypeCount : codeTypeCount);
  const levels = Array.from(
    { length: codeTypeCount },
    () => (2 * generator.next() - 1) * options.levels,
  );
  const bestOf = (task: number) => (task >= earlyCount && options.disagrees ? 0 : 1);
  const meanOf = (task: number, arm: number) =>
    (levels[codeTypeOf(task)] ?? 0) + (arm === bestOf(task) ? best : rest);
  const rewards = Uint8Array.from({ length: taskCount * armCount }, (_, at) =>
    generator.next() < meanOf(Math.floor(at / armCount), at % armCount) ? 1 : 0,
  );
  return {
    codeTypes: codeTypeNames(codeTypeCount + 1),
    arms: armNames(armCount),
    taskCount,
    codeTypeOf,
    rewardOf: (task, arm) => rewards[task * armCount + arm] as number,
    expectedOf: (task, arm) => (task < earlyCount ? 0 : meanOf(task, arm) - best),
  };
}

/** 0 to count − 1, every order equally likely. */
export function shuffled(count: number, seed: number): Uint32Array {
  const generator = SeededGenerator.fromSeed(seed);
  const order = Uint32Array.from({ length: count }, (_, at) => at);
  for (let at = count - 1; at > 0; at -= 1) {
    const other = Math.floor(generator.next() * (at + 1));
    [order[at], order[other]] = [order[other] as number, order[at] as number];
  }
  return order;
}

/**
 * Mean reward of Thompson sampling over all tasks, each once, in seeded random order or as they are. One draw from each posterior,
 * the largest is served: the same distribution as a draw from the exact allocation. Posteriors follow every
 * outcome, priors every `relearnEvery` outcomes.
 */
export function thompsonMean(
  tasks: TaskSet,
  options: {
    readonly learn: LearnPriors;
    readonly explorationShare: number;
    readonly relearnEvery: number;
    readonly seed: number;
    readonly inOrder?: boolean;
  },
): number {
  const { codeTypes, arms } = tasks;
  const source = SeededGenerator.fromSeed(2 * options.seed + 1);
  const cells = codeTypes.map(() => arms.map(() => ({ ...zeroTotals })));
  const totals: Cells = new Map(
    codeTypes.map((name, row) => [
      name,
      new Map(arms.map((id, arm) => [id, cells[row]?.[arm] as Cell])),
    ]),
  );
  let priors: Posterior[][] = [];
  let earned = 0;
  const order = options.inOrder
    ? Uint32Array.from({ length: tasks.taskCount }, (_, task) => task)
    : shuffled(tasks.taskCount, 2 * options.seed);
  order.forEach((task, served) => {
    if (served % options.relearnEvery === 0) {
      const priorOf = options.learn(totals, arms);
      priors = codeTypes.map((name) => arms.map((id) => priorOf(name, id)));
    }
    const row = tasks.codeTypeOf(task);
    const own = cells[row] as Cell[];
    const arm = serve(priors[row] as Posterior[], own, options.explorationShare, source);
    const cell = own[arm] as Cell;
    const reward = tasks.rewardOf(task, arm);
    cell.reward += reward;
    cell.squares += reward * reward;
    cell.weight += 1;
    earned += tasks.expectedOf(task, arm);
  });
  return earned / tasks.taskCount;
}

function serve(
  priors: readonly Posterior[],
  cells: readonly Cell[],
  explorationShare: number,
  source: SeededGenerator,
): number {
  if (source.next() < explorationBudget(explorationShare, cells)) {
    return Math.floor(source.next() * cells.length);
  }
  let best = 0;
  let largest = -1;
  const scales = evidenceScales(cells);
  cells.forEach((cell, arm) => {
    const mean = sampleBeta(source, posterior(priors[arm] as Posterior, cell, scales[arm]));
    if (mean > largest) [best, largest] = [arm, mean];
  });
  return best;
}

export interface Summary {
  readonly mean: number;
  readonly standardError: number;
}

export function summarize(values: readonly number[]): Summary {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / (values.length - 1) / values.length) };
}
