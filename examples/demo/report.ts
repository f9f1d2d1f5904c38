import type { Cell, Fleet, Overhead } from "./fleet.ts";
import { addRewards, meanReward, type RewardSums } from "./reward.ts";
import { table } from "./table.ts";
import type { Scene } from "./world.ts";

/** Milliseconds that select, report and first outcome may add to one task, in total. */
export const overheadBudgetMs = 50;

export interface DemoReport {
  readonly tasks: number;
  readonly outcomes: number;
  /** Calls that the service refused for the moment and that were made again. */
  readonly repeated: number;
  readonly code_types: readonly CodeTypeReport[];
  readonly rewards: {
    /** What the agents earned, mean reward per task in [0,1]. */
    readonly learned: number;
    /** Had every variant got every task equally often. */
    readonly uniform: number;
    /** Had each agent type kept to the one variant that is best for it over all its code types. */
    readonly best_fixed: number;
    /** Had every code type got its best variant from the first task on. */
    readonly oracle: number;
  };
  readonly overhead_ms: Readonly<Record<keyof Overhead, Percentiles>>;
  readonly overhead_budget_ms: number;
  readonly seconds: number;
}

export interface CodeTypeReport {
  readonly agent_type: string;
  readonly code_type: string;
  readonly decisions: number;
  readonly arms: readonly {
    readonly variant: string;
    /** Share of the traffic it gets now. */
    readonly share: number;
    readonly decisions: number;
    /** Mean reward it would have earned on all tasks of the code type. */
    readonly true_reward: number;
    readonly best: boolean;
  }[];
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly count: number;
}

/** Puts what the agents saw beside what they could have had. */
export function demoReport(input: {
  fleet: Pick<Fleet, "cells" | "overhead" | "tasks" | "outcomes">;
  scenes: readonly Scene[];
  /** Share of the traffic that an arm gets now, as the service says. */
  shareOf: (arm: Cell) => number;
  repeated: number;
  elapsedMs: number;
}): DemoReport {
  const { fleet, scenes } = input;
  return {
    tasks: fleet.tasks,
    outcomes: fleet.outcomes,
    repeated: input.repeated,
    code_types: scenes.flatMap(({ agentType, codeTypes }) =>
      codeTypes.map(({ codeType, quality }) => {
        const cells = fleet.cells.filter(
          (cell) => cell.agentType === agentType && cell.codeType === codeType,
        );
        return {
          agent_type: agentType,
          code_type: codeType,
          decisions: cells.reduce((sum, cell) => sum + cell.decisions, 0),
          arms: cells.map((cell) => ({
            variant: cell.variantName,
            share: input.shareOf(cell),
            decisions: cell.decisions,
            true_reward: meanReward(cell.potential),
            best: cell.variantName === bestVariant(quality),
          })),
        };
      }),
    ),
    rewards: compareRewards(fleet.cells, scenes),
    overhead_ms: Object.fromEntries(
      Object.entries(fleet.overhead).map(([name, values]) => [name, percentiles(values)]),
    ) as Record<keyof Overhead, Percentiles>,
    overhead_budget_ms: overheadBudgetMs,
    seconds: Math.round(input.elapsedMs) / 1000,
  };
}

/** What 99 of 100 generations paid for learning, against the budget. */
export function judgeBudget({ overhead_ms }: Pick<DemoReport, "overhead_ms">): {
  verdict: "kept" | "missed";
  text: string;
} {
  const { generation, threeEmptyCalls } = overhead_ms;
  const budget = `the budget of ${overheadBudgetMs} ms`;
  if (generation.p99 <= overheadBudgetMs) {
    const always = generation.p999 <= overheadBudgetMs;
    return { verdict: "kept", text: `At ${always ? "p99.9" : "p99"}, ${budget} is kept.` };
  }
  const addedMs = Math.max(generation.p99 - threeEmptyCalls.p99, 0);
  const verdict = addedMs <= overheadBudgetMs ? "kept" : "missed";
  return {
    verdict,
    text:
      `At p99 the three calls of a generation took ${generation.p99.toFixed(1)} ms, and three calls that do nothing ` +
      `took ${threeEmptyCalls.p99.toFixed(1)} ms\non this machine meanwhile: the service added ${addedMs.toFixed(1)} ms, ` +
      `and ${budget} is ${verdict}.`,
  };
}

/** What was learned, what it was worth, and what it cost. */
export function reportText(report: DemoReport): string {
  const { rewards, repeated } = report;
  const found = report.code_types.filter(({ arms }) => {
    const best = arms.reduce((most, arm) => (arm.share > most.share ? arm : most));
    return best.best;
  }).length;
  const overhead = (title: string, name: keyof Overhead): readonly string[] => {
    const { p50, p99, p999 } = report.overhead_ms[name];
    return [title, ...[p50, p99, p999].map((ms) => ms.toFixed(2))];
  };
  return `${count(report.tasks)} tasks and ${count(report.outcomes)} outcomes in ${report.seconds.toFixed(1)} s, no call lost; ${
    repeated === 0 ? "none" : count(repeated)
  } had to be repeated

What was learned (the best variant gets most of the traffic in ${found} of ${report.code_types.length} code types):

${table(
  ["agent type", "code type", "variant", ">share now", ">decisions", ">true reward", ""],
  report.code_types.flatMap((entry) =>
    entry.arms.map((arm, index) => [
      index === 0 ? entry.agent_type : "",
      index === 0 ? entry.code_type : "",
      arm.variant,
      arm.share.toFixed(3),
      count(arm.decisions),
      arm.true_reward.toFixed(3),
      arm.best ? "← best" : "",
    ]),
  ),
)}
What it is worth (reward in [0,1] by the policies' own specification, on the same tasks):

${table(
  ["", ">mean reward"],
  [
    ["a variant at random (uniform)", rewards.uniform.toFixed(4)],
    ["one variant for each agent type, the best (best fixed arm)", rewards.best_fixed.toFixed(4)],
    ["banditd, learning included", rewards.learned.toFixed(4)],
    ["the best variant of every code type from the start (oracle)", rewards.oracle.toFixed(4)],
  ],
)}
What it costs, seen by the agents over gRPC, against a budget of ${report.overhead_budget_ms} ms per generation:

${table(
  ["", ">p50 ms", ">p99 ms", ">p99.9 ms"],
  [
    overhead("SelectVariant", "select"),
    overhead("RecordGeneration", "recordGeneration"),
    overhead("RecordOutcome", "recordOutcome"),
    overhead("sum of the three for one generation", "generation"),
    overhead("for comparison: a call that does nothing", "emptyCall"),
    overhead("for comparison: three of them in a row", "threeEmptyCalls"),
  ],
)}
${judgeBudget(report).text}

`;
}

/** Whole number with thousands separated. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

function compareRewards(cells: readonly Cell[], scenes: readonly Scene[]): DemoReport["rewards"] {
  const sum = (chosen: readonly Cell[]): RewardSums =>
    chosen.map((cell) => cell.potential).reduce(addRewards);
  const bestFixed = scenes.map(({ agentType, codeTypes }) =>
    Object.keys(codeTypes[0]?.quality ?? {})
      .map((name) =>
        sum(cells.filter((cell) => cell.agentType === agentType && cell.variantName === name)),
      )
      .reduce((best, sums) => (meanReward(sums) > meanReward(best) ? sums : best)),
  );
  const isBest = (cell: Cell): boolean =>
    scenes.some(
      ({ agentType, codeTypes }) =>
        agentType === cell.agentType &&
        codeTypes.some(
          ({ codeType, quality }) =>
            codeType === cell.codeType && bestVariant(quality) === cell.variantName,
        ),
    );
  return {
    learned: meanReward(cells.map((cell) => cell.earned).reduce(addRewards)),
    uniform: meanReward(sum(cells)),
    best_fixed: meanReward(bestFixed.reduce(addRewards)),
    oracle: meanReward(sum(cells.filter(isBest))),
  };
}

function bestVariant(quality: Readonly<Record<string, number>>): string {
  const [first] = Object.entries(quality).sort(([, a], [, b]) => b - a);
  return first?.[0] ?? "";
}

/** Nearest-rank percentiles; all 0 when there is nothing. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), count: sorted.length };
}
