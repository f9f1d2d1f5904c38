import { csvRecords } from "../csv-file.ts";
import { badInput } from "../exit-code.ts";
import type { ArmOption } from "./arm-option.ts";

/** Most rows one replay holds in memory: 8 bytes for each arm and 4 for the code type of each row. */
const rowsMax = 20_000_000;
const labelLengthMax = 64;

/** Real outcomes of every arm, row by row, in memory. */
export interface OutcomeTable {
  /** Labels as the service accepts them, in order of first appearance. */
  readonly codeTypes: readonly string[];
  readonly rowCount: number;
  /** Rows whose code type had to be rewritten to be a valid label. */
  readonly relabelledRows: number;
  /** Index into `codeTypes`. @param row 0 to rowCount − 1 */
  codeTypeOf(row: number): number;
  /** Outcome of one arm, [0,1]. @param arm index into the arms the table was read with */
  outcomeOf(row: number, arm: number): number;
}

/**
 * Reads a CSV file with a title line, streaming.
 * @throws CliError usage naming the file and what is wrong: missing, empty, a column that is not there,
 * a cell that is not a number in [0,1], a broken line.
 */
export async function readOutcomeTable(options: {
  file: string;
  codeTypeColumn: string;
  arms: readonly ArmOption[];
  /** At most this many rows. */
  limit?: number;
}): Promise<OutcomeTable> {
  const { file, arms } = options;
  const limit = Math.min(options.limit ?? rowsMax, rowsMax);
  const codeTypes: string[] = [];
  const codeTypeIndexes = new Map<string, number>();
  const codeTypeOfRow: number[] = [];
  const outcomes: number[] = [];
  let relabelledRows = 0;
  let columns: { codeType: number; arms: readonly number[] } | undefined;
  for await (const { record, info } of csvRecords(file)) {
    if (columns === undefined) {
      columns = findColumns(record, options);
      continue;
    }
    const where = `${file} line ${info.lines}`;
    const raw = record[columns.codeType] as string;
    const label = toLabel(raw);
    if (label === "") {
      throw badInput(`${where}: column "${options.codeTypeColumn}" is empty`);
    }
    if (label !== raw) relabelledRows += 1;
    let index = codeTypeIndexes.get(label);
    if (index === undefined) {
      index = codeTypes.push(label) - 1;
      codeTypeIndexes.set(label, index);
    }
    for (const [at, arm] of arms.entries()) {
      outcomes.push(toOutcome(record[columns.arms[at] as number] as string, where, arm.column));
    }
    codeTypeOfRow.push(index);
    if (codeTypeOfRow.length >= limit) break;
  }
  if (columns === undefined) throw badInput(`${file} is empty`);
  if (codeTypeOfRow.length === 0) throw badInput(`${file} has a title line but no rows`);
  return {
    codeTypes,
    rowCount: codeTypeOfRow.length,
    relabelledRows,
    codeTypeOf: (row) => codeTypeOfRow[row] as number,
    outcomeOf: (row, arm) => outcomes[row * arms.length + arm] as number,
  };
}

function findColumns(
  titles: readonly string[],
  options: { file: string; codeTypeColumn: string; arms: readonly ArmOption[] },
): { codeType: number; arms: readonly number[] } {
  const find = (column: string, option: string): number => {
    const index = titles.indexOf(column);
    if (index >= 0) return index;
    throw badInput(
      `${option}: ${options.file} has no column "${column}"; it has: ${titles.join(", ")}`,
    );
  };
  return {
    codeType: find(options.codeTypeColumn, "--code-type"),
    arms: options.arms.map((arm) => find(arm.column, `--arm ${arm.name}=${arm.column}`)),
  };
}

function toOutcome(text: string, where: string, column: string): number {
  const trimmed = text.trim();
  const value = Number(trimmed);
  if (trimmed !== "" && value >= 0 && value <= 1) return value;
  throw badInput(
    `${where}: column "${column}" holds "${text}", which is not a number between 0 and 1`,
  );
}

/** A label the service accepts: what it does not allow becomes `_`. */
function toLabel(text: string): string {
  return text
    .trim()
    .replaceAll(/[^A-Za-z0-9_.:+#/-]+/g, "_")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, labelLengthMax);
}
