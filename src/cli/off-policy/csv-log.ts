import type { LoggedRow } from "../../statistics/off-policy/logged-row.ts";
import { csvRecords } from "../csv-file.ts";
import { badInput } from "../exit-code.ts";
import {
  contextLabel,
  isDrawn,
  type LogSource,
  type MissingReward,
  type ReadingCounts,
} from "./log-source.ts";

/** Tried in this order: an export of banditd's own events, then the Open Bandit Dataset. */
const usualColumns = {
  action: ["variant_id", "item_id"],
  reward: ["reward", "click"],
  propensity: ["propensity", "propensity_score"],
  context: ["code_type", "position"],
} as const;
const rewardWeightColumn = "reward_weight";

export interface CsvLogOptions {
  readonly file: string;
  /** Absent: the first of the usual names that the file has. */
  readonly actionColumn?: string;
  readonly rewardColumn?: string;
  readonly propensityColumn?: string;
  /** Absent: those of the usual names that the file has. */
  readonly contextColumns?: readonly string[];
  /** Columns that the policy goes by, added to the context. */
  readonly policyColumns: readonly string[];
  readonly missing: MissingReward;
  readonly onProgress: (rows: number) => void;
}

/** Where in a row what is. */
interface Layout {
  readonly action: Place;
  readonly reward: Place;
  readonly propensity: Place;
  readonly context: readonly Place[];
  /** The reward is to be divided by it. */
  readonly rewardWeight: Place | undefined;
  readonly source: Place | undefined;
  readonly degraded: Place | undefined;
}

interface Place {
  readonly column: string;
  readonly index: number;
}

/**
 * A CSV file with a title line as a log. It is streamed, never held.
 * @throws CliError usage naming the file and what is wrong
 */
export async function openCsvLog(options: CsvLogOptions): Promise<LogSource> {
  const { file } = options;
  let layout: Layout | undefined;
  await eachRecord(file, (titles) => {
    layout = layOut(titles, options);
    return false;
  });
  if (layout === undefined) throw badInput(`${file} is empty`);
  const found = layout;
  return {
    name: file,
    contextColumns: found.context.map(({ column }) => column),
    async listArms() {
      const arms = new Set<string>();
      await readRows({ ...options, missing: "zero" }, found, ({ arm }) => {
        arms.add(arm);
        return true;
      });
      return [...arms].sort();
    },
    read: (take) => readRows(options, found, take),
  };
}

async function readRows(
  options: CsvLogOptions,
  layout: Layout,
  take: (row: LoggedRow) => boolean,
): Promise<ReadingCounts> {
  const counts = { rows: 0, withoutReward: 0, notDrawn: 0 };
  await eachRow(options.file, (cells, line) => {
    const at = (place: Place): string => cells[place.index] as string;
    const where = (place: Place): string =>
      `${options.file} line ${line}: column "${place.column}"`;
    const isTaken = isDrawn({
      source: layout.source === undefined ? "" : at(layout.source),
      degraded: layout.degraded !== undefined && /^(1|true)$/.test(at(layout.degraded)),
    });
    if (!isTaken) {
      counts.notDrawn += 1;
      return true;
    }
    const known = rewardOf(layout, at, where);
    if (known === undefined) {
      counts.withoutReward += 1;
      if (options.missing === "drop") return true;
    }
    const arm = at(layout.action);
    if (arm === "") throw badInput(`${where(layout.action)} is empty`);
    const values = layout.context.map(at);
    const withComma = layout.context.find((place) => values.length > 1 && at(place).includes(","));
    if (withComma !== undefined) {
      throw badInput(
        `${where(withComma)} holds "${at(withComma)}": with several context columns a value may not have a comma`,
      );
    }
    counts.rows += 1;
    options.onProgress(counts.rows);
    return take({
      context: contextLabel(values),
      arm,
      propensity: numberAt(at(layout.propensity), where(layout.propensity)),
      reward: known ?? 0,
    });
  });
  return counts;
}

/** Undefined when the cell is empty. Of a partial reward, the mean of the parts that are known. */
function rewardOf(
  layout: Layout,
  at: (place: Place) => string,
  where: (place: Place) => string,
): number | undefined {
  const text = at(layout.reward);
  if (text.trim() === "") return undefined;
  const reward = numberAt(text, where(layout.reward));
  if (layout.rewardWeight === undefined) return reward;
  const weight = numberAt(at(layout.rewardWeight), where(layout.rewardWeight));
  return weight > 0 ? reward / weight : undefined;
}

function numberAt(text: string, where: string): number {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) {
    throw badInput(`${where} holds "${text}", which is not a number`);
  }
  return value;
}

function layOut(titles: readonly string[], options: CsvLogOptions): Layout {
  const has = `${options.file} has the columns ${titles.join(", ")}`;
  const find = (column: string): Place | undefined => {
    const index = titles.indexOf(column);
    return index < 0 ? undefined : { column, index };
  };
  const named = (column: string, option: string): Place => {
    const place = find(column);
    if (place === undefined) throw badInput(`${option}: there is no column "${column}"; ${has}`);
    return place;
  };
  const chosen = (column: string | undefined, kind: "action" | "reward" | "propensity"): Place => {
    const option = `--${kind}-column`;
    if (column !== undefined) return named(column, option);
    const usual = usualColumns[kind].find((title) => titles.includes(title));
    if (usual !== undefined) return named(usual, option);
    throw badInput(
      `${option} is needed: there is no column ${usualColumns[kind].join(" or ")}; ${has}`,
    );
  };
  const contextColumns =
    options.contextColumns ?? usualColumns.context.filter((title) => titles.includes(title));
  const reward = chosen(options.rewardColumn, "reward");
  return {
    action: chosen(options.actionColumn, "action"),
    reward,
    propensity: chosen(options.propensityColumn, "propensity"),
    context: [
      ...contextColumns.map((column) => named(column, "--context-columns")),
      ...options.policyColumns
        .filter((column) => !contextColumns.includes(column))
        .map((column) => named(column, "by of the policy")),
    ],
    rewardWeight: reward.column === usualColumns.reward[0] ? find(rewardWeightColumn) : undefined,
    source: find("source"),
    degraded: find("degraded"),
  };
}

/** Every line below the titles. */
async function eachRow(
  file: string,
  take: (cells: readonly string[], line: number) => boolean,
): Promise<void> {
  let isTitle = true;
  await eachRecord(file, (cells, line) => {
    if (!isTitle) return take(cells, line);
    isTitle = false;
    return true;
  });
}

async function eachRecord(
  file: string,
  take: (cells: readonly string[], line: number) => boolean,
): Promise<void> {
  for await (const { record, info } of csvRecords(file)) if (!take(record, info.lines)) break;
}
