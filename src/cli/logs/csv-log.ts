import type { ComparedDecision } from "../../statistics/experiments/compared-decision.ts";
import { badInput } from "../exit-code.ts";
import {
  flagCell,
  nameCell,
  numberCell,
  optional,
  outcomeCell,
  sourceCell,
  timeCell,
  weightCell,
} from "../input/cells.ts";
import { CsvColumns, type CsvRow, type Place } from "../input/csv-columns.ts";
import { shown } from "../input/shown.ts";
import { type CsvLogOptions, type Layout, layOut } from "./csv-layout.ts";
import { vectorColumns } from "./csv-vectors.ts";
import { contextLabel, type DecisionLog, isDrawn } from "./decision-log.ts";
import { SeenTexts } from "./seen-texts.ts";

const rewardCell = optional(outcomeCell);

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
      const generations = new SeenTexts();
      let rows = 0;
      for await (const row of columns.rows()) {
        rows += 1;
        options.onProgress(rows);
        const { generation } = layout;
        if (generation !== undefined && generations.add(idAt(row, generation))) {
          await refuseRepetition(columns, generation, row);
        }
        if (isDrawnRow(layout, row)) yield decisionOf(layout, row, openSinceMs);
        else leftOut.notDrawn += 1;
      }
    },
  };
  if (layout.vectorOf !== undefined) return log;
  const lacksVectors =
    `${options.file} does not say with what probability each arm could be served: it needs the columns ` +
    vectorColumns;
  return { ...log, lacksVectors };
}

function isDrawnRow({ source, degraded }: Layout, row: CsvRow): boolean {
  return isDrawn({
    source: source === undefined ? "" : row.read(source, sourceCell),
    degraded: degraded !== undefined && row.read(degraded, flagCell),
  });
}

/** As the service takes it: in any case. */
function idAt(row: CsvRow, place: Place): string {
  return row.read(place, nameCell).toLowerCase();
}

/** @throws CliError usage when the generation of the row has one before, which it names */
async function refuseRepetition(columns: CsvColumns, place: Place, row: CsvRow): Promise<void> {
  const id = idAt(row, place);
  for await (const earlier of columns.rows()) {
    if (earlier.line === row.line) return;
    if (idAt(earlier, place) !== id) continue;
    throw badInput(
      `${row.where(place)} holds ${shown(id)}, as line ${earlier.line} does; a generation is one decision, and has one row`,
    );
  }
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
  for await (const row of columns.rows()) lastMs = Math.max(lastMs, row.read(place, timeCell));
  return lastMs - attributionWindowMs;
}

function decisionOf(layout: Layout, row: CsvRow, openSinceMs: number): ComparedDecision {
  const { propensity, covariate, time, vectorOf } = layout;
  const decidedAtMs = time === undefined ? undefined : row.read(time, timeCell);
  const arm = row.read(layout.action, nameCell);
  layout.arms.add(arm, () => row.where(layout.action));
  const reward = rewardOf(layout, row);
  return {
    arm,
    context: contextOf(layout, row),
    windowIsOpen: decidedAtMs !== undefined && decidedAtMs > openSinceMs,
    ...(reward === undefined ? {} : { reward }),
    ...(propensity === undefined ? {} : { propensity: row.read(propensity, numberCell) }),
    ...(vectorOf === undefined ? {} : { vector: vectorOf(row) }),
    ...(covariate === undefined ? {} : { covariate: row.read(covariate, outcomeCell) }),
    ...(decidedAtMs === undefined ? {} : { decidedAtMs }),
  };
}

/** Undefined when there is none. Of a partial reward, the mean of the parts that are known. */
function rewardOf({ reward: place, rewardWeight }: Layout, row: CsvRow): number | undefined {
  const reward = row.read(place, rewardCell) ?? undefined;
  if (reward === undefined || rewardWeight === undefined) return reward;
  const weight = row.read(rewardWeight, weightCell);
  return weight > 0 ? reward / weight : undefined;
}

function contextOf({ context }: Layout, row: CsvRow): string {
  return contextLabel(
    context.map((place) => {
      const value = row.at(place);
      place.labels.add(value, () => row.where(place));
      if (context.length === 1 || !value.includes(",")) return value;
      throw badInput(
        `${row.where(place)} holds ${shown(value)}: with several context columns a value may not have a comma`,
      );
    }),
  );
}
