import { csvRecords } from "../csv-file.ts";
import { badInput } from "../exit-code.ts";
import { isDrawn } from "./log-source.ts";

/** Tried in this order: an export of banditd's own events, then the Open Bandit Dataset. */
const usualColumns = {
  action: ["variant_id", "item_id"],
  reward: ["reward", "click"],
  propensity: ["propensity", "propensity_score"],
} as const;
const rewardWeightColumn = "reward_weight";

/** A column and where in a row it is. */
export interface Place {
  readonly column: string;
  readonly index: number;
}

/** A line of the file below the titles. */
export interface CsvRow {
  at(place: Place): string;
  /** @throws CliError usage naming the line and the column */
  numberAt(place: Place): number;
  /** The place, for messages. */
  where(place: Place): string;
}

/** The columns of a CSV log, found by name. */
export class CsvColumns {
  readonly titles: readonly string[];
  readonly #has: string;

  constructor(file: string, titles: readonly string[]) {
    this.titles = titles;
    this.#has = `${file} has the columns ${titles.join(", ")}`;
  }

  find(column: string): Place | undefined {
    const index = this.titles.indexOf(column);
    return index < 0 ? undefined : { column, index };
  }

  /** @throws CliError usage when the file has no such column; `option` is what asked for it */
  named(column: string, option: string): Place {
    const place = this.find(column);
    if (place !== undefined) return place;
    throw badInput(`${option}: there is no column "${column}"; ${this.#has}`);
  }

  /**
   * The column that was named, or the first of the usual ones that the file has.
   * @throws CliError usage when there is neither
   */
  chosen(column: string | undefined, kind: keyof typeof usualColumns): Place {
    const option = `--${kind}-column`;
    if (column !== undefined) return this.named(column, option);
    const usual = this.usual(kind);
    if (usual !== undefined) return usual;
    throw badInput(
      `${option} is needed: there is no column ${usualColumns[kind].join(" or ")}; ${this.#has}`,
    );
  }

  /** The first of the usual columns that the file has. */
  usual(kind: keyof typeof usualColumns): Place | undefined {
    const title = usualColumns[kind].find((name) => this.titles.includes(name));
    return title === undefined ? undefined : this.find(title);
  }
}

/** Where in a row it stands what was served and what it earned. */
export interface OutcomeLayout {
  readonly action: Place;
  readonly reward: Place;
  /** The reward is to be divided by it. */
  readonly rewardWeight: Place | undefined;
  readonly source: Place | undefined;
  readonly degraded: Place | undefined;
}

/** @throws CliError usage when a column is not there */
export function layOutOutcome(
  columns: CsvColumns,
  options: { readonly actionColumn?: string; readonly rewardColumn?: string },
): OutcomeLayout {
  const reward = columns.chosen(options.rewardColumn, "reward");
  return {
    action: columns.chosen(options.actionColumn, "action"),
    reward,
    rewardWeight:
      reward.column === usualColumns.reward[0] ? columns.find(rewardWeightColumn) : undefined,
    source: columns.find("source"),
    degraded: columns.find("degraded"),
  };
}

/** False for a decision for which no arm was drawn. */
export function isDrawnRow(layout: OutcomeLayout, row: CsvRow): boolean {
  return isDrawn({
    source: layout.source === undefined ? "" : row.at(layout.source),
    degraded: layout.degraded !== undefined && /^(1|true)$/.test(row.at(layout.degraded)),
  });
}

/** @throws CliError usage when the cell is empty */
export function armOf(layout: OutcomeLayout, row: CsvRow): string {
  const arm = row.at(layout.action);
  if (arm === "") throw badInput(`${row.where(layout.action)} is empty`);
  return arm;
}

/** Undefined when the cell is empty. Of a partial reward, the mean of the parts that are known. */
export function rewardOf(layout: OutcomeLayout, row: CsvRow): number | undefined {
  if (row.at(layout.reward).trim() === "") return undefined;
  const reward = row.numberAt(layout.reward);
  if (layout.rewardWeight === undefined) return reward;
  const weight = row.numberAt(layout.rewardWeight);
  return weight > 0 ? reward / weight : undefined;
}

/** @throws CliError usage when the file is empty or cannot be read */
export async function openCsvColumns(file: string): Promise<CsvColumns> {
  for await (const { record } of csvRecords(file)) return new CsvColumns(file, record);
  throw badInput(`${file} is empty`);
}

/** Hands out every line below the titles, until `take` returns false. */
export async function eachCsvRow(file: string, take: (row: CsvRow) => boolean): Promise<void> {
  let isTitle = true;
  for await (const { record, info } of csvRecords(file)) {
    if (!isTitle && !take(rowOf(file, record, info.lines))) break;
    isTitle = false;
  }
}

function rowOf(file: string, cells: readonly string[], line: number): CsvRow {
  const at = (place: Place): string => cells[place.index] as string;
  const where = (place: Place): string => `${file} line ${line}: column "${place.column}"`;
  return {
    at,
    where,
    numberAt(place) {
      const text = at(place);
      const value = Number(text);
      if (text.trim() !== "" && !Number.isNaN(value)) return value;
      throw badInput(`${where(place)} holds "${text}", which is not a number`);
    },
  };
}
