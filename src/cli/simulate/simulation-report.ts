import { formatShare } from "../text/format-value.ts";
import { integer } from "../text/progress.ts";
import { formatTable, numbers } from "../text/table.ts";
import type { ArmOption } from "./arm-option.ts";
import { referenceRewards } from "./reward.ts";
import type { SimulationResult, SimulationSubject } from "./run-simulation.ts";
import type { SimulatedArms } from "./simulated-arms.ts";

/** What `banditd simulate --json` prints. Rewards are means per task, in [0,1]. */
export type SimulationReport = Awaited<ReturnType<typeof buildReport>>;

/** Asks the service for its allocations, and sets them beside the best possible ones. */
export async function buildReport(
  { client, agentType, table, arms }: SimulationSubject,
  asked: { readonly passes: number; readonly seed: number; readonly costWeight: number },
  done: {
    readonly served: SimulatedArms;
    readonly result: SimulationResult;
    readonly elapsedMs: number;
  },
) {
  const { result } = done;
  const reference = referenceRewards(table, arms, asked.costWeight);
  const codeTypes = [];
  for (const [index, { codeType, rows, rewards, bestArm }] of reference.byCodeType.entries()) {
    const { allocation } = await client.getAllocation({ agentType, codeType });
    const shareOf = (at: number): number =>
      allocation?.arms.find((arm) => arm.variantId === done.served.variantIds[at])?.share ?? 0;
    codeTypes.push({
      code_type: codeType,
      /** What stands in the file. */
      text: table.codeTypeTexts[index] as string,
      rows,
      /** Share of the traffic each arm gets now, by arm name. */
      shares: Object.fromEntries(arms.map((arm, at) => [arm.name, shareOf(at)])),
      /** Mean reward each arm really earns there, by arm name. */
      rewards: Object.fromEntries(arms.map((arm, at) => [arm.name, rewards[at] as number])),
      /** The arm that really is best there. */
      best_arm: bestArm,
    });
  }
  return {
    agent_type: agentType,
    rows: table.rowCount,
    passes: asked.passes,
    seed: asked.seed,
    cost_weight: asked.costWeight,
    mean_reward: result.meanReward,
    last_pass_mean_reward: result.lastPassMeanReward,
    pass_mean_rewards: result.passMeanRewards,
    uniform: reference.uniform,
    best_fixed: reference.bestFixed.reward,
    best_fixed_arm: reference.bestFixed.arm,
    oracle: reference.oracle,
    code_types: codeTypes,
    outcomes: result.outcomeStatuses,
    seconds: Math.round(done.elapsedMs) / 1000,
  };
}

/** The report for people: shares per code type, then the rewards. */
export function formatReport(report: SimulationReport, arms: readonly ArmOption[]): string {
  const shares = formatTable(
    [
      { title: "code type", widthMax: 36 },
      ...numbers("rows"),
      ...arms.map((arm) => ({ title: arm.name, align: "right" as const, widthMax: 24 })),
      { title: "best", widthMax: 20 },
    ],
    report.code_types.map((entry) => [
      entry.text,
      integer(entry.rows),
      ...arms.map((arm) => formatShare(entry.shares[arm.name] as number)),
      entry.best_arm,
    ]),
  );
  const rewards = formatTable(
    ["", ...numbers("mean reward")],
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
