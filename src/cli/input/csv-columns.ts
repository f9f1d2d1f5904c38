import { nearestName } from "../../domain/nearest-name.ts";
import { badInput } from "../exit-code.ts";
import type { CellKind } from "./cells.ts";
import { csvRecords } from "./csv-records.ts";
import { shown } from "./shown.ts";

/** A column and where in a row it is. */
export interface Place {
  readonly column: string;
  readonly index: number;
}

/** A line of the file below the titles. */
export interface CsvRow {
  /** Where it ends. */
  readonly line: number;
  at(place: Place): string;
  /** @throws CliError usage naming the line, the column, what it holds and what it may hold */
  read<Value>(place: Place, kind: CellKind<Value>): Value;
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
    const again = this.titles.indexOf(column, index + 1);
    if (again < 0) return { column, index };
    throw badInput(
      `${this.#file} line 1: columns ${index + 1} and ${again + 1} are both called ${shown(column)}; rename all but one`,
    );
  }

  /** @throws CliError usage when the file has no such column; `option` is what asked for it */
  named(column: string, option: string): Place {
    const place = this.find(column);
    if (place !== undefined) return place;
    const nearest = nearestName(column, this.titles);
    const meant = nearest === undefined ? "" : `, did you mean ${shown(nearest)}?`;
    throw badInput(`${option}: there is no column ${shown(column)}${meant}; ${this.#has()}`);
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

  /** The title, for messages. */
  where(place: Place): string {
    return whereIn(this.#file, 1, place);
  }

  #has(): string {
    return `${this.#file} has the columns ${this.titles.map(shown).join(", ")}`;
  }
}

function rowOf(file: string, cells: readonly string[], line: number): CsvRow {
  const at = (place: Place): string => cells[place.index] as string;
  const where = (place: Place): string => whereIn(file, line, place);
  return {
    line,
    at,
    where,
    read(place, kind) {
      const text = at(place);
      const value = kind.parse(text);
      if (value !== undefined) return value;
      throw badInput(`${where(place)} holds ${shown(text)}, and needs ${kind.accepts}`);
    },
  };
}

function whereIn(file: string, line: number, { column }: Place): string {
  return `${file} line ${line}: column ${shown(column)}`;
}
