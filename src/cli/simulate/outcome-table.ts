import { parseCodeType } from "../../domain/ids.ts";
import { badInput } from "../exit-code.ts";
import { CsvColumns, type CsvRow, type Place } from "../input/csv-columns.ts";
import type { ArmOption } from "./arm-option.ts";

/** Most rows one simulation holds in memory: 8 bytes for each arm and 4 for the code type of each row. */
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
 * @throws CliError usage naming the file and what is wrong: missing, empty, a column that is not there, a cell that is
 * not a number in [0,1], a broken line, code types that would become one
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
  const labels = new Labels();
  const codeTypeOfRow: number[] = [];
  const outcomes: number[] = [];
  let relabelledRows = 0;
  for await (const row of columns.rows()) {
    const label = labels.of(row, codeTypePlace);
    if (label.isRewritten) relabelledRows += 1;
    codeTypeOfRow.push(label.index);
    for (const place of places) outcomes.push(outcomeAt(row, place));
    if (codeTypeOfRow.length >= Math.min(limit, rowsMax)) break;
  }
  if (codeTypeOfRow.length === 0) throw badInput(`${file} has a title line but no rows`);
  return {
    codeTypes: labels.all,
    rowCount: codeTypeOfRow.length,
    relabelledRows,
    codeTypeOf: (row) => codeTypeOfRow[row] as number,
    outcomeOf: (row, arm) => outcomes[row * arms.length + arm] as number,
  };
}

function outcomeAt(row: CsvRow, place: Place): number {
  const value = row.numberAt(place);
  if (value >= 0 && value <= 1) return value;
  throw badInput(`${row.where(place)} holds "${row.at(place)}", which is not between 0 and 1`);
}

interface Label {
  readonly index: number;
  readonly isRewritten: boolean;
}

/** Code types by what stands in the file. Two different texts never become one label. */
class Labels {
  readonly all: string[] = [];
  readonly #byText = new Map<string, Label>();
  /** The text that a label was made of. */
  readonly #textOf = new Map<string, string>();

  /** @throws CliError usage when no label can be made of the text, or another text has it already */
  of(row: CsvRow, place: Place): Label {
    const text = row.at(place).trim();
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    if (text === "") throw badInput(`${row.where(place)} is empty`);
    const label = labelFrom(text);
    if (label === "") {
      throw badInput(
        `${row.where(place)} holds "${text}", which has none of the characters that a code type may have: ` +
          "A-Z, a-z, 0-9 and _ . : + # / -",
      );
    }
    const other = this.#textOf.get(label);
    if (other !== undefined) {
      throw badInput(
        `${row.where(place)} holds "${text}", which would become the code type ${label}, and so does "${other}"; rename one of them`,
      );
    }
    this.#textOf.set(parseCodeType(label), text);
    const entry = { index: this.all.push(label) - 1, isRewritten: label !== row.at(place) };
    this.#byText.set(text, entry);
    return entry;
  }
}

/** What a label may not have becomes `_`; a longer text is cut. */
function labelFrom(text: string): string {
  return text
    .replaceAll(/[^A-Za-z0-9_.:+#/-]+/g, "_")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, labelLengthMax);
}
