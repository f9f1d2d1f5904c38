import { badInput } from "../exit-code.ts";
import { csvRecords } from "./csv-records.ts";

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

/** The columns of a CSV file, found by name. */
export class CsvColumns {
  readonly titles: readonly string[];
  readonly #file: string;

  private constructor(file: string, titles: readonly string[]) {
    this.titles = titles;
    this.#file = file;
  }

  /** @throws CliError usage when the file is empty or cannot be read */
  static async of(file: string): Promise<CsvColumns> {
    for await (const { record } of csvRecords(file)) return new CsvColumns(file, record);
    throw badInput(`${file} is empty`);
  }

  /** @throws CliError usage when two columns have the name */
  find(column: string): Place | undefined {
    const index = this.titles.indexOf(column);
    if (index < 0) return undefined;
    if (this.titles.lastIndexOf(column) === index) return { column, index };
    throw badInput(`${this.#file} has several columns "${column}"; rename all but one`);
  }

  /** @throws CliError usage when the file has no such column; `option` is what asked for it */
  named(column: string, option: string): Place {
    const place = this.find(column);
    if (place !== undefined) return place;
    throw badInput(`${option}: there is no column "${column}"; ${this.#has()}`);
  }

  /**
   * The column that an option named, or the first of the usual ones that the file has.
   * @throws CliError usage when there is neither
   */
  chosen(column: string | undefined, option: string, usual: readonly string[]): Place {
    if (column !== undefined) return this.named(column, option);
    const place = this.firstOf(usual);
    if (place !== undefined) return place;
    throw badInput(`${option} is needed: there is no column ${usual.join(" or ")}; ${this.#has()}`);
  }

  firstOf(columns: readonly string[]): Place | undefined {
    const column = columns.find((name) => this.titles.includes(name));
    return column === undefined ? undefined : this.find(column);
  }

  /** Every line below the titles. */
  async *rows(): AsyncGenerator<CsvRow, void, undefined> {
    let isTitle = true;
    for await (const { record, info } of csvRecords(this.#file)) {
      if (!isTitle) yield rowOf(this.#file, record, info.lines);
      isTitle = false;
    }
  }

  #has(): string {
    return `${this.#file} has the columns ${this.titles.join(", ")}`;
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
