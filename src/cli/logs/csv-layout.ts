import type { CsvColumns } from "../input/csv-columns.ts";
import { Labels } from "../input/labels.ts";
import { vectorReader } from "./csv-vectors.ts";
import type { LogNeeds } from "./decision-log.ts";

/** Tried in this order: an export of banditd's own events, then the Open Bandit Dataset. */
const usualColumns = {
  action: ["variant_id", "item_id"],
  reward: ["reward", "click"],
  propensity: ["propensity", "propensity_score"],
} as const;
const rewardWeightColumn = "reward_weight";

export interface CsvLogOptions extends LogNeeds {
  readonly file: string;
  /** Undefined: the first of the usual names that the file has. */
  readonly actionColumn: string | undefined;
  readonly rewardColumn: string | undefined;
  /** Undefined: no window is open. */
  readonly attributionWindowMs?: number | undefined;
  readonly onProgress: (rows: number) => void;
}

export type Layout = ReturnType<typeof layOut>;

/** Where in a row what is. @throws CliError usage when a column is not there */
export function layOut(columns: CsvColumns, options: CsvLogOptions) {
  const chosen = (column: string | undefined, kind: keyof typeof usualColumns) =>
    columns.chosen(column, `--${kind}-column`, usualColumns[kind]);
  const { covariateColumn, propensityColumn } = options;
  const reward = chosen(options.rewardColumn, "reward");
  const arms = new Labels();
  const contextColumns =
    options.contextColumns ??
    options.usualContextColumns.filter((title) => columns.titles.includes(title));
  return {
    action: chosen(options.actionColumn, "action"),
    reward,
    /** The reward is to be divided by it. */
    rewardWeight:
      reward.column === usualColumns.reward[0] ? columns.find(rewardWeightColumn) : undefined,
    propensity: options.forComparison
      ? columns.firstOf(usualColumns.propensity)
      : chosen(propensityColumn, "propensity"),
    covariate:
      covariateColumn === undefined
        ? undefined
        : columns.named(covariateColumn, "--covariate-column"),
    source: columns.find("source"),
    degraded: columns.find("degraded"),
    time: columns.find("decided_at"),
    generation: columns.find("generation_id"),
    arms,
    vectorOf: vectorReader(columns, arms),
    context: [
      ...contextColumns.map((column) => columns.named(column, options.contextOption)),
      ...options.policyColumns
        .filter((column) => !contextColumns.includes(column))
        .map((column) => columns.named(column, "by of the policy")),
    ].map((place) => ({ ...place, labels: new Labels() })),
  };
}
