import type { BanditClient } from "../../client/index.ts";
import { formatShare } from "../text/format-value.ts";
import { integer } from "../text/progress.ts";
import { formatTable } from "../text/table.ts";
import type { ArmOption } from "./arm-option.ts";
import type { OutcomeTable } from "./outcome-table.ts";
import type { ReferenceRewards } from "./reward.ts";
import type { SimulationResult } from "./run-simulation.ts";
import type { SimulatedArms } from "./simulated-arms.ts";

/** What `banditd simulate --json` prints. Rewards are means per task, in [0,1]. */
export interface SimulationReport {
  readonly agent_type: string;
  readonly rows: number;
  readonly passes: number;
  readonly seed: number;
  readonly cost_weight: number;
  readonly mean_reward: number;
  readonly last_pass_mean_reward: number;
  readonly pass_mean_rewards: readonly number[];
  readonly uniform: number;
  readonly best_fixed: number;
  readonly best_fixed_arm: string;
  readonly oracle: number;
  readonly code_types: readonly {
    readonly code_type: string;
    readonly rows: number;
    /** Share of the traffic each arm gets now, by arm name. */
    readonly shares: Readonly<Record<string, number>>;
    /** Mean reward each arm really earns there, by arm name. */
    readonly rewards: Readonly<Record<string, number>>;
    /** The arm that really is best there. */
    readonly best_arm: string;
  }[];
  readonly outcomes: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** Asks the service what it has learned, and sets it beside what was to be learned. */
export async function buildReport(input: {
  client: BanditClient;
  agentType: string;
  table: OutcomeTable;
  arms: readonly ArmOption[];
  served: SimulatedArms;
  reference: ReferenceRewards;
  result: SimulationResult;
  passes: number;
  seed: number;
  costWeight: number;
  elapsedMs: number;
}): Promise<SimulationReport> {
  const { arms, reference, result } = input;
  const codeTypes: SimulationReport["code_types"][number][] = [];
  for (const entry of reference.byCodeType) {
    const { allocation } = await input.client.getAllocation({
      agentType: input.agentType,
      codeType: entry.codeType,
    });
    const shareOf = (at: number): number =>
      allocation?.arms.find((arm) => arm.variantId === input.served.variantIds[at])?.share ?? 0;
    codeTypes.push({
      code_type: entry.codeType,
      rows: entry.rows,
      shares: Object.fromEntries(arms.map((arm, at) => [arm.name, shareOf(at)])),
      rewards: Object.fromEntries(arms.map((arm, at) => [arm.name, entry.rewards[at] as number])),
      best_arm: entry.bestArm,
    });
  }
  return {
    agent_type: input.agentType,
    rows: input.table.rowCount,
    passes: input.passes,
    seed: input.seed,
    cost_weight: input.costWeight,
    mean_reward: result.meanReward,
    last_pass_mean_reward: result.lastPassMeanReward,
    pass_mean_rewards: result.passMeanRewards,
    uniform: reference.uniform,
    best_fixed: reference.bestFixed.reward,
    best_fixed_arm: reference.bestFixed.arm,
    oracle: reference.oracle,
    code_types: codeTypes,
    outcomes: result.outcomeStatuses,
    seconds: Math.round(input.elapsedMs) / 1000,
  };
}

/** The report for people: shares per code type, then the rewards. */
export function formatReport(report: SimulationReport, arms: readonly ArmOption[]): string {
  const shares = formatTable(
    [
      { title: "code type", widthMax: 36 },
      { title: "rows", align: "right" },
      ...arms.map((arm) => ({ title: arm.name, align: "right" as const, widthMax: 24 })),
      { title: "best", widthMax: 20 },
    ],
    report.code_types.map((entry) => [
      entry.code_type,
      integer(entry.rows),
      ...arms.map((arm) => formatShare(entry.shares[arm.name] as number)),
      entry.best_arm,
    ]),
  );
  const rewards = formatTable(
    [{ title: "" }, { title: "mean reward", align: "right" }],
    [
      ["an arm at random", report.uniform.toFixed(4)],
      [`best fixed arm (${report.best_fixed_arm})`, report.best_fixed.toFixed(4)],
      ["best arm of every code type", report.oracle.toFixed(4)],
      [passesLabel(report.passes), report.mean_reward.toFixed(4)],
      ["banditd, last pass", report.last_pass_mean_reward.toFixed(4)],
    ],
  );
  const tasks = integer(report.rows * report.passes);
  return `Share of every arm after ${tasks} tasks:\n\n${shares}\n${rewards}\n${tasks} tasks in ${report.seconds.toFixed(1)} s\n`;
}

function passesLabel(passes: number): string {
  return passes === 1 ? "banditd" : `banditd, all ${passes} passes`;
}
