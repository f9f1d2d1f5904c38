import type { GenerationTotals } from "../../domain/contribution.ts";
import type { Cell, FleetResult, Overhead } from "./fleet.ts";
import { addTotals, meanReward } from "./reward-sums.ts";
import type { Scene } from "./world.ts";

/** Milliseconds that learning may add to one task, in total. */
export const overheadBudgetMs = 50;
/** When every hundredth call that does nothing takes longer than this, the machine is too busy to measure on. */
const emptyCallMsBusy = 5;

/** What `banditd demo --json` prints. */
export interface DemoReport {
  readonly tasks: number;
  readonly outcomes: number;
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
  readonly failures: readonly string[];
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

/** Share of the traffic an arm gets now, as the service says. */
export type ShareOf = (arm: { agentType: string; codeType: string; variantName: string }) => number;

/** Puts what the agents saw beside what they could have had. */
export function buildDemoReport(input: {
  fleet: FleetResult;
  scenes: readonly Scene[];
  shareOf: ShareOf;
  elapsedMs: number;
}): Omit<DemoReport, "failures"> {
  const { fleet, scenes } = input;
  const codeTypes = scenes.flatMap((scene) =>
    scene.codeTypes.map(({ codeType, quality }) => {
      const cells = fleet.cells.filter(
        (cell) => cell.agentType === scene.agentType && cell.codeType === codeType,
      );
      const bestName = bestVariant(quality);
      return {
        agent_type: scene.agentType,
        code_type: codeType,
        decisions: cells.reduce((sum, cell) => sum + cell.decisions, 0),
        arms: cells.map((cell) => ({
          variant: cell.variantName,
          share: input.shareOf(cell),
          decisions: cell.decisions,
          true_reward: meanReward(cell.potential),
          best: cell.variantName === bestName,
        })),
      };
    }),
  );
  return {
    tasks: fleet.tasks,
    outcomes: fleet.outcomes,
    code_types: codeTypes,
    rewards: compareRewards(fleet.cells, scenes),
    overhead_ms: {
      select: percentiles(fleet.overhead.select),
      recordGeneration: percentiles(fleet.overhead.recordGeneration),
      recordOutcome: percentiles(fleet.overhead.recordOutcome),
      generation: percentiles(fleet.overhead.generation),
      emptyCall: percentiles(fleet.overhead.emptyCall),
    },
    overhead_budget_ms: overheadBudgetMs,
    seconds: Math.round(input.elapsedMs) / 1000,
  };
}

/** Everything that makes the demo a failure, in words. Empty when all is well. */
export function findFailures(report: Omit<DemoReport, "failures">): readonly string[] {
  const failures: string[] = [];
  for (const { code_type: codeType, arms } of report.code_types) {
    const best = arms.find((arm) => arm.best);
    if (best === undefined || best.share <= 1 / arms.length) {
      failures.push(
        `${codeType}: the best variant ${best?.variant} has a share of ${best?.share.toFixed(3)}, no more than at random`,
      );
    }
  }
  const { learned, uniform } = report.rewards;
  if (!(learned > uniform)) {
    failures.push(
      `the mean reward ${learned.toFixed(4)} is not above the ${uniform.toFixed(4)} of choosing at random`,
    );
  }
  if (judgeBudget(report).verdict === "missed") {
    const { p99 } = report.overhead_ms.generation;
    failures.push(
      `the overhead per generation is ${p99.toFixed(1)} ms at p99, above the budget of ${overheadBudgetMs} ms`,
    );
  }
  return failures;
}

/**
 * Whether 99 of 100 generations stayed within the budget. Where they did not and calls that do nothing
 * were slow too, the machine was busy with something else, and nothing can be said about the service.
 */
export function judgeBudget(report: Pick<DemoReport, "overhead_ms">): {
  verdict: "kept" | "missed" | "unknown";
  text: string;
} {
  const { generation, emptyCall } = report.overhead_ms;
  if (generation.p99 <= overheadBudgetMs) {
    const always = generation.p999 <= overheadBudgetMs;
    return { verdict: "kept", text: `The budget is kept at ${always ? "p99.9" : "p99"}.` };
  }
  if (emptyCall.p99 > emptyCallMsBusy) {
    return {
      verdict: "unknown",
      text:
        "Nothing can be said about the budget: this machine was busy with something else " +
        `(a call that does nothing took ${emptyCall.p99.toFixed(1)} ms at p99). Run it again when it is quiet.`,
    };
  }
  return { verdict: "missed", text: "The budget is missed." };
}

function compareRewards(cells: readonly Cell[], scenes: readonly Scene[]): DemoReport["rewards"] {
  const sumOf = (chosen: readonly Cell[]): GenerationTotals =>
    chosen.map((cell) => cell.potential).reduce(addTotals);
  const cellsOf = (agentType: string, variantName: string): readonly Cell[] =>
    cells.filter((cell) => cell.agentType === agentType && cell.variantName === variantName);
  const bestFixed = scenes.map((scene) =>
    Object.keys(scene.codeTypes[0]?.quality ?? {})
      .map((variantName) => sumOf(cellsOf(scene.agentType, variantName)))
      .reduce((best, sums) => (meanReward(sums) > meanReward(best) ? sums : best)),
  );
  const oracle = scenes.flatMap((scene) =>
    scene.codeTypes.map(({ codeType, quality }) =>
      sumOf(
        cells.filter(
          (cell) =>
            cell.agentType === scene.agentType &&
            cell.codeType === codeType &&
            cell.variantName === bestVariant(quality),
        ),
      ),
    ),
  );
  return {
    learned: meanReward(cells.map((cell) => cell.earned).reduce(addTotals)),
    uniform: meanReward(sumOf(cells)),
    best_fixed: meanReward(bestFixed.reduce(addTotals)),
    oracle: meanReward(oracle.reduce(addTotals)),
  };
}

function bestVariant(quality: Readonly<Record<string, number>>): string {
  const [first] = Object.entries(quality).sort(([, a], [, b]) => b - a);
  return first?.[0] ?? "";
}

/** Nearest-rank percentiles; all 0 when there is nothing. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), count: sorted.length };
}
