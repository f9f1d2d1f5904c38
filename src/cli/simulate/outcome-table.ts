import { badInput } from "../exit-code.ts";
import { shareCell } from "../input/cells.ts";
import { CsvColumns } from "../input/csv-columns.ts";
import type { ArmOption } from "./arm-option.ts";
import { CodeTypeLabels } from "./code-type-labels.ts";

/** Most rows one simulation holds in memory: 8 bytes for each arm and 4 for the code type of each row. */
const rowsMax = 20_000_000;

/** Real outcomes of every arm, row by row, in memory. */
export interface OutcomeTable {
  /** Labels as the service accepts them, in order of first appearance. */
  readonly codeTypes: readonly string[];
  /** What stands in the file for each of them. */
  readonly codeTypeTexts: readonly string[];
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
 * @throws CliError usage naming the file and what is wrong: missing, empty, a column that is not there, a cell that is
 * no outcome in [0,1], a broken line, code types that would become one
 */
export async function readOutcomeTable(options: {
  readonly file: string;
  readonly codeTypeColumn: string;
  readonly arms: readonly ArmOption[];
  /** At most this many rows. Undefined: all. */
  readonly limit?: number | undefined;
}): Promise<OutcomeTable> {
  const { file, arms, limit = rowsMax } = options;
  const columns = await CsvColumns.of(file);
  const codeTypePlace = columns.named(options.codeTypeColumn, "--code-type");
  const places = arms.map(({ name, column }) => columns.named(column, `--arm ${name}=${column}`));
  const labels = new CodeTypeLabels();
  const codeTypeOfRow: number[] = [];
  const outcomes: number[] = [];
  let relabelledRows = 0;
  for await (const row of columns.rows()) {
    const label = labels.of(row, codeTypePlace);
    if (label.isRewritten) relabelledRows += 1;
    codeTypeOfRow.push(label.index);
    for (const place of places) outcomes.push(row.read(place, shareCell));
    if (codeTypeOfRow.length >= Math.min(limit, rowsMax)) break;
  }
  if (codeTypeOfRow.length === 0) throw badInput(`${file} has a title line but no rows`);
  return {
    codeTypes: labels.all,
    codeTypeTexts: labels.texts,
    rowCount: codeTypeOfRow.length,
    relabelledRows,
    codeTypeOf: (row) => codeTypeOfRow[row] as number,
    outcomeOf: (row, arm) => outcomes[row * arms.length + arm] as number,
  };
}
