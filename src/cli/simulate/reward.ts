import type { ArmOption } from "./arm-option.ts";
import type { OutcomeTable } from "./outcome-table.ts";

/** What one task is worth when an arm did it: (1 − W) × outcome + W × (1 − cost). In [0,1]. */
export function taskReward(parts: { outcome: number; cost: number; costWeight: number }): number {
  return (1 - parts.costWeight) * parts.outcome + parts.costWeight * (1 - parts.cost);
}

/** What fixed rules would have earned on the same rows, for comparison. */
export interface ReferenceRewards {
  /** An arm at random for every task. */
  readonly uniform: number;
  /** The one arm that is best over all rows; the first of several equally good ones. */
  readonly bestFixed: { readonly arm: string; readonly reward: number };
  /** For every code type the arm that is best in it. No rule that knows only the code type earns more. */
  readonly oracle: number;
  /** Mean reward of every arm in every code type, in the table's and the options' order. */
  readonly byCodeType: readonly {
    readonly codeType: string;
    readonly rows: number;
    readonly rewards: readonly number[];
    readonly bestArm: string;
  }[];
}

export function referenceRewards(
  table: OutcomeTable,
  arms: readonly ArmOption[],
  costWeight: number,
): ReferenceRewards {
  const sums = table.codeTypes.map(() => ({ rows: 0, rewards: arms.map(() => 0) }));
  for (let row = 0; row < table.rowCount; row += 1) {
    const sum = sums[table.codeTypeOf(row)] as { rows: number; rewards: number[] };
    sum.rows += 1;
    for (const [at, arm] of arms.entries()) {
      const outcome = table.outcomeOf(row, at);
      sum.rewards[at] =
        (sum.rewards[at] as number) + taskReward({ outcome, cost: arm.cost, costWeight });
    }
  }
  const totals = arms.map((_, at) =>
    sums.reduce((total, sum) => total + (sum.rewards[at] ?? 0), 0),
  );
  const best = indexOfMax(totals);
  const oracle = sums.reduce((total, sum) => total + Math.max(...sum.rewards), 0);
  return {
    uniform: totals.reduce((total, value) => total + value, 0) / arms.length / table.rowCount,
    bestFixed: {
      arm: (arms[best] as ArmOption).name,
      reward: (totals[best] as number) / table.rowCount,
    },
    oracle: oracle / table.rowCount,
    byCodeType: sums.map((sum, index) => ({
      codeType: table.codeTypes[index] as string,
      rows: sum.rows,
      rewards: sum.rewards.map((reward) => reward / sum.rows),
      bestArm: (arms[indexOfMax(sum.rewards)] as ArmOption).name,
    })),
  };
}

function indexOfMax(values: readonly number[]): number {
  return values.reduce((best, value, at) => (value > (values[best] as number) ? at : best), 0);
}
