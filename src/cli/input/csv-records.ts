import { pipeline } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { badInput } from "../exit-code.ts";
import { storedText } from "./text-file.ts";

export interface CsvRecord {
  readonly record: readonly string[];
  /** Where it ends. */
  readonly info: { readonly lines: number };
}

/** A record that is longer is a quote that nobody closed, or no CSV. */
const recordCharactersMax = 16 * 1024 * 1024;

/**
 * The records of a CSV file, titles and all, as they are read; nothing is held. Lines may end with LF, CRLF or CR, also
 * mixed; a line break inside quotes is read as LF.
 * @throws CliError usage when the file is no stored one, cannot be read, is no text, or is broken; then it names the line
 * and the column
 */
export async function* csvRecords(file: string): AsyncGenerator<CsvRecord, void, undefined> {
  let titles: readonly string[] = [];
  let lines = 0;
  const parser = parse({
    record_delimiter: "\n",
    skip_empty_lines: true,
    info: true,
    max_record_size: recordCharactersMax,
    // Not in the loop below: a broken record ends the parser before the ones in its buffer are handed out.
    on_record: (entry) => {
      const { record, info } = entry as unknown as CsvRecord;
      if (titles.length === 0) titles = record;
      lines = info.lines;
      return entry;
    },
  });
  // What the source throws ends the parser, and with it the loop below.
  pipeline(withLineFeeds(asCsv(storedText(file), file)), parser, () => undefined);
  try {
    yield* parser as AsyncIterable<CsvRecord>;
  } catch (error) {
    throw error instanceof CsvError ? badInput(describe(error, { file, titles, lines })) : error;
  } finally {
    parser.destroy();
  }
}

/** @throws CliError usage for a file that begins like something else */
async function* asCsv(pieces: AsyncIterable<string>, file: string): AsyncGenerator<string> {
  let isFirst = true;
  for await (const piece of pieces) {
    const other = isFirst ? otherFormats.find(([beginning]) => beginning.test(piece)) : undefined;
    if (other !== undefined) throw badInput(`${file} line 1: ${other[1]}`);
    isFirst = false;
    yield piece;
  }
}

const separated = (by: string): string =>
  `cells are separated by ${by}; commas are needed, and decimal points`;
const otherFormats = [
  [/^\s*[{[]/, "this is JSON, and CSV with a title line is needed"],
  [/^\s*sep=/i, "Excel's line sep= is no title line; delete it"],
  [/^[^,\r\n]*;[^,\r\n]*[\r\n]/, separated("semicolons")],
  [/^[^,\r\n]*\t[^,\r\n]*[\r\n]/, separated("tabs")],
  [/^[^,\r\n]*\|[^,\r\n]*[\r\n]/, separated("|")],
] as const;

/** One kind of line end: the parser would take the first one that it meets for all of them. */
async function* withLineFeeds(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let before = "";
  for await (const piece of pieces) {
    const text = before + piece;
    // It may be the first half of CRLF.
    before = text.endsWith("\r") ? "\r" : "";
    yield (before === "" ? text : text.slice(0, -1)).replaceAll(/\r\n?/g, "\n");
  }
  if (before !== "") yield "\n";
}

/** @param read the titles, and the line where the last sound record ended */
function describe(
  error: CsvError,
  read: { readonly file: string; readonly titles: readonly string[]; readonly lines: number },
): string {
  const {
    lines = 0,
    index = 0,
    record,
  } = error as CsvError & {
    readonly lines?: number;
    readonly index?: number;
    readonly record?: readonly string[];
  };
  const title = read.titles[index];
  const column = title === undefined ? `column ${index + 1}` : `column "${title}"`;
  const place = `${read.file} line ${lines}, ${column}`;
  switch (error.code) {
    case "INVALID_OPENING_QUOTE":
      return `${place}: a quote in a cell that does not begin with one; put the whole cell into quotes and write each quote in it twice`;
    case "CSV_INVALID_CLOSING_QUOTE":
      return `${place}: something follows the quote that ends the cell; a quote inside a cell is written twice`;
    case "CSV_QUOTE_NOT_CLOSED":
      return `${read.file} line ${read.lines + 1}, ${column}: a quote begins in this record and is never closed`;
    case "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH":
      return `${read.file} line ${lines} has ${record?.length ?? index} cells, and the title line has ${read.titles.length}`;
    case "CSV_MAX_RECORD_SIZE":
      return `${read.file} line ${read.lines + 1}: the record is longer than ${recordCharactersMax} characters; is a quote not closed?`;
    default:
      return `${place}: ${error.message}`;
  }
}
