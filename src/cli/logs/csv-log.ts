import type { LoggedRow } from "../../statistics/off-policy/logged-row.ts";
import { badInput } from "../exit-code.ts";
import {
  armOf,
  type CsvColumns,
  eachCsvRow,
  isDrawnRow,
  layOutOutcome,
  type OutcomeLayout,
  openCsvColumns,
  type Place,
  rewardOf,
} from "./csv-columns.ts";
import {
  contextLabel,
  type LogSource,
  type MissingReward,
  type ReadingCounts,
} from "./log-source.ts";

/** Of an export of banditd's own events, and of the Open Bandit Dataset. */
const usualContextColumns = ["code_type", "position"] as const;

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
interface Layout extends OutcomeLayout {
  readonly propensity: Place;
  readonly context: readonly Place[];
}

/**
 * A CSV file with a title line as a log. It is streamed, never held.
 * @throws CliError usage naming the file and what is wrong
 */
export async function openCsvLog(options: CsvLogOptions): Promise<LogSource> {
  const layout = layOut(await openCsvColumns(options.file), options);
  return {
    name: options.file,
    contextColumns: layout.context.map(({ column }) => column),
    async listArms() {
      const arms = new Set<string>();
      await readRows({ ...options, missing: "zero" }, layout, ({ arm }) => {
        arms.add(arm);
        return true;
      });
      return [...arms].sort();
    },
    read: (take) => readRows(options, layout, take),
  };
}

async function readRows(
  options: CsvLogOptions,
  layout: Layout,
  take: (row: LoggedRow) => boolean,
): Promise<ReadingCounts> {
  const counts = { rows: 0, withoutReward: 0, notDrawn: 0 };
  await eachCsvRow(options.file, (row) => {
    if (!isDrawnRow(layout, row)) {
      counts.notDrawn += 1;
      return true;
    }
    const known = rewardOf(layout, row);
    if (known === undefined) {
      counts.withoutReward += 1;
      if (options.missing === "drop") return true;
    }
    const arm = armOf(layout, row);
    const values = layout.context.map((place) => row.at(place));
    const withComma = layout.context.find(
      (place) => values.length > 1 && row.at(place).includes(","),
    );
    if (withComma !== undefined) {
      throw badInput(
        `${row.where(withComma)} holds "${row.at(withComma)}": with several context columns a value may not have a comma`,
      );
    }
    counts.rows += 1;
    options.onProgress(counts.rows);
    return take({
      context: contextLabel(values),
      arm,
      propensity: row.numberAt(layout.propensity),
      reward: known ?? 0,
    });
  });
  return counts;
}

function layOut(columns: CsvColumns, options: CsvLogOptions): Layout {
  const contextColumns =
    options.contextColumns ?? usualContextColumns.filter((title) => columns.titles.includes(title));
  return {
    ...layOutOutcome(columns, options),
    propensity: columns.chosen(options.propensityColumn, "propensity"),
    context: [
      ...contextColumns.map((column) => columns.named(column, "--context-columns")),
      ...options.policyColumns
        .filter((column) => !(contextColumns as readonly string[]).includes(column))
        .map((column) => columns.named(column, "by of the policy")),
    ],
  };
}
