import type {
  ComparedDecision,
  PropensityVector,
} from "../../statistics/experiments/compared-decision.ts";
import { badInput } from "../exit-code.ts";
import { CsvColumns, type CsvRow, type Place } from "../input/csv-columns.ts";
import { contextLabel, type DecisionLog, isDrawn, type LogNeeds } from "./decision-log.ts";
import { parseTime } from "./time-option.ts";

/** Tried in this order: an export of banditd's own events, then the Open Bandit Dataset. */
const usualColumns = {
  action: ["variant_id", "item_id"],
  reward: ["reward", "click"],
  propensity: ["propensity", "propensity_score"],
} as const;
const rewardWeightColumn = "reward_weight";
const armsColumn = "arm_variant_ids";
const probabilitiesColumn = "arm_probabilities";
/** `propensity:a` is the column of the probability of arm a. */
const propensityPrefix = "propensity:";

export interface CsvLogOptions extends LogNeeds {
  readonly file: string;
  /** Undefined: the first of the usual names that the file has. */
  readonly actionColumn: string | undefined;
  readonly rewardColumn: string | undefined;
  /** Undefined: no window is open. */
  readonly attributionWindowMs?: number | undefined;
  readonly onProgress: (rows: number) => void;
}

/**
 * A CSV file with a title line as a log. It is streamed, never held. Its decisions stand in their order, or have a column
 * `decided_at`.
 * @throws CliError usage naming the file and what is wrong
 */
export async function openCsvLog(options: CsvLogOptions): Promise<DecisionLog> {
  const columns = await CsvColumns.of(options.file);
  const layout = layOut(columns, options);
  const log: DecisionLog = {
    name: options.file,
    contextColumns: layout.context.map(({ column }) => column),
    async listArms() {
      const arms = new Set<string>();
      for await (const { arm } of log.read({ notDrawn: 0 })) arms.add(arm);
      return [...arms].sort();
    },
    async *read(leftOut) {
      const openSinceMs = await openSince(columns, layout, options);
      let rows = 0;
      for await (const row of columns.rows()) {
        rows += 1;
        options.onProgress(rows);
        if (isDrawnRow(layout, row)) yield decisionOf(layout, row, openSinceMs);
        else leftOut.notDrawn += 1;
      }
    },
  };
  if (layout.vectorOf !== undefined) return log;
  const lacksVectors =
    `${options.file} does not say with what probability each arm could be served: it needs the columns ` +
    `${armsColumn} and ${probabilitiesColumn} (JSON lists), or a column ${propensityPrefix}<arm> for every arm`;
  return { ...log, lacksVectors };
}

type Layout = ReturnType<typeof layOut>;

/** Where in a row what is. @throws CliError usage when a column is not there */
function layOut(columns: CsvColumns, options: CsvLogOptions) {
  const chosen = (column: string | undefined, kind: keyof typeof usualColumns) =>
    columns.chosen(column, `--${kind}-column`, usualColumns[kind]);
  const { covariateColumn, propensityColumn } = options;
  const reward = chosen(options.rewardColumn, "reward");
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
    vectorOf: vectorReader(columns),
    context: [
      ...contextColumns.map((column) => columns.named(column, options.contextOption)),
      ...options.policyColumns
        .filter((column) => !contextColumns.includes(column))
        .map((column) => columns.named(column, "by of the policy")),
    ],
  };
}

function isDrawnRow({ source, degraded }: Layout, row: CsvRow): boolean {
  return isDrawn({
    source: source === undefined ? "" : row.at(source),
    degraded: degraded !== undefined && /^(1|true)$/.test(row.at(degraded)),
  });
}

/**
 * The moment after which a decision's attribution window was open when the file was written. That is not known; it
 * was no earlier than the file's last decision, so all windows that were open are taken to be.
 */
async function openSince(
  columns: CsvColumns,
  { time }: Layout,
  { attributionWindowMs }: CsvLogOptions,
): Promise<number> {
  if (attributionWindowMs === undefined) return Number.POSITIVE_INFINITY;
  const place = time ?? columns.named("decided_at", "--attribution-window");
  let lastMs = Number.NEGATIVE_INFINITY;
  for await (const row of columns.rows()) lastMs = Math.max(lastMs, timeAt(row, place));
  return lastMs - attributionWindowMs;
}

function decisionOf(layout: Layout, row: CsvRow, openSinceMs: number): ComparedDecision {
  const { propensity, covariate, time, vectorOf } = layout;
  const decidedAtMs = time === undefined ? undefined : timeAt(row, time);
  const arm = row.at(layout.action);
  if (arm === "") throw badInput(`${row.where(layout.action)} is empty`);
  const reward = rewardOf(layout, row);
  return {
    arm,
    context: contextOf(layout, row),
    windowIsOpen: decidedAtMs !== undefined && decidedAtMs > openSinceMs,
    ...(reward === undefined ? {} : { reward }),
    ...(propensity === undefined ? {} : { propensity: row.numberAt(propensity) }),
    ...(vectorOf === undefined ? {} : { vector: vectorOf(row) }),
    ...(covariate === undefined ? {} : { covariate: row.numberAt(covariate) }),
    ...(decidedAtMs === undefined ? {} : { decidedAtMs }),
  };
}

/** Undefined when the cell is empty. Of a partial reward, the mean of the parts that are known. */
function rewardOf({ reward: place, rewardWeight }: Layout, row: CsvRow): number | undefined {
  if (row.at(place).trim() === "") return undefined;
  const reward = row.numberAt(place);
  if (rewardWeight === undefined) return reward;
  const weight = row.numberAt(rewardWeight);
  return weight > 0 ? reward / weight : undefined;
}

function contextOf({ context }: Layout, row: CsvRow): string {
  const withComma = context.find((place) => context.length > 1 && row.at(place).includes(","));
  if (withComma === undefined) return contextLabel(context.map((place) => row.at(place)));
  throw badInput(
    `${row.where(withComma)} holds "${row.at(withComma)}": with several context columns a value may not have a comma`,
  );
}

function vectorReader(columns: CsvColumns): ((row: CsvRow) => PropensityVector) | undefined {
  const arms = columns.find(armsColumn);
  const probabilities = columns.find(probabilitiesColumn);
  if (arms !== undefined && probabilities !== undefined) {
    // The lists of arms are few: each is read once, and shared.
    const lists = new Map<string, readonly string[]>();
    return (row) => {
      const text = row.at(arms);
      const list = lists.get(text) ?? listAt(row, arms, isText);
      lists.set(text, list);
      return { arms: list, probabilities: listAt(row, probabilities, isNumber) };
    };
  }
  const single = columns.titles
    .filter((column) => column.startsWith(propensityPrefix))
    .map((column) => columns.named(column, column));
  if (single.length === 0) return undefined;
  const names = single.map(({ column }) => column.slice(propensityPrefix.length));
  return (row) => ({
    arms: names,
    probabilities: single.map((place) => (row.at(place) === "" ? 0 : row.numberAt(place))),
  });
}

const isText = (entry: unknown): entry is string => typeof entry === "string";
const isNumber = (entry: unknown): entry is number => typeof entry === "number";

function listAt<Entry>(
  row: CsvRow,
  place: Place,
  isEntry: (entry: unknown) => entry is Entry,
): readonly Entry[] {
  try {
    const list: unknown = JSON.parse(row.at(place));
    if (Array.isArray(list) && list.every(isEntry)) return list;
  } catch {
    // Said below, as for any other text that is no such list.
  }
  throw badInput(`${row.where(place)} holds "${row.at(place)}", which is not such a JSON list`);
}

function timeAt(row: CsvRow, place: Place): number {
  const value = parseTime(row.at(place));
  if (value !== undefined) return value;
  throw badInput(`${row.where(place)} holds "${row.at(place)}", which is not a time`);
}
