import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { parse } from "csv-parse";
import { badInput } from "./exit-code.ts";
import { fileProblem } from "./input-file.ts";

export interface CsvRecord {
  readonly record: readonly string[];
  /** Where it ends. */
  readonly info: { readonly lines: number };
}

/**
 * The records of a CSV file, titles and all, as they are read; nothing is held.
 * @throws CliError usage when the file is not there, may not be read, is a directory, or is broken
 */
export async function* csvRecords(file: string): AsyncGenerator<CsvRecord, void, undefined> {
  try {
    if ((await stat(file)).isDirectory()) throw badInput(`${file} is a directory, not a CSV file`);
    const input = createReadStream(file);
    const parser = input.pipe(
      parse({ bom: true, skip_empty_lines: true, info: true, relax_column_count: false }),
    );
    // A pipe does not pass errors on: without this, nobody would hear of one and wait for ever.
    input.on("error", (error) => parser.destroy(error));
    try {
      yield* parser as AsyncIterable<CsvRecord>;
    } finally {
      input.destroy();
    }
  } catch (error) {
    throw translate(error, file);
  }
}

function translate(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") {
    return error;
  }
  if (error.code.startsWith("CSV_")) {
    return badInput(`${file} is not a valid CSV file: ${error.message}`);
  }
  return fileProblem(error.code, file) ?? error;
}
