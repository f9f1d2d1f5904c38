import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { JsonValue } from "@bufbuild/protobuf";
import { badInput, CliError } from "../exit-code.ts";
import type { Terminal } from "../terminal.ts";
import { parseJson } from "./parse-json.ts";
import { decoded } from "./utf8-text.ts";

export interface InputText {
  /** What to call it in messages. */
  readonly name: string;
  readonly text: string;
}

/** Far above any policy or prompt; a larger file is the wrong one. */
const inputCharactersMax = 16 * 1024 * 1024;

/**
 * The text of a file that an option names, or of standard input for `-`, without a byte order mark.
 * @throws CliError usage when the file cannot be read, is no text in UTF-8, or holds more than 16 Mi characters
 */
export async function readInputFile(file: string, terminal: Terminal): Promise<InputText> {
  const name = file === "-" ? "standard input" : file;
  let text = "";
  for await (const piece of file === "-" ? terminal.readInput() : fileText(file)) {
    text += piece;
    if (text.length <= inputCharactersMax) continue;
    throw badInput(`${name} holds more than ${inputCharactersMax} characters`);
  }
  return { name, text };
}

/**
 * The same, as JSON.
 * @throws CliError usage, also for what {@link parseJson} refuses
 */
export async function readJsonFile(
  file: string,
  terminal: Terminal,
): Promise<{ readonly name: string; readonly content: JsonValue }> {
  const { name, text } = await readInputFile(file, terminal);
  return { name, content: parseJson(text, name) };
}

/**
 * The text of a file, piece by piece, without a byte order mark.
 * @throws CliError usage when the file cannot be read or is no text in UTF-8
 */
export async function* fileText(file: string): AsyncGenerator<string, void, undefined> {
  try {
    yield* decoded(createReadStream(file), file);
  } catch (error) {
    throw error instanceof CliError ? error : fileProblem(error as NodeJS.ErrnoException, file);
  }
}

/**
 * The same of a file that is read several times.
 * @throws CliError usage also for standard input and a pipe, whose second reading would lack what the first has taken
 */
export async function* storedText(file: string): AsyncGenerator<string, void, undefined> {
  const stored = await stat(file).catch(() => undefined);
  const isGone = stored === undefined ? file === "-" : !stored.isFile() && !stored.isDirectory();
  if (isGone) throw badInput(`${file} is no stored file; it is read twice, so write it to one`);
  yield* fileText(file);
}

const problems: Readonly<Record<string, (file: string) => string>> = {
  ENOENT: (file) => `there is no file ${file}`,
  EACCES: (file) => `${file} may not be read`,
  EPERM: (file) => `${file} may not be read`,
  EISDIR: (file) => `${file} is a directory, not a file`,
};

function fileProblem({ code = "", message }: NodeJS.ErrnoException, file: string): CliError {
  return badInput(problems[code]?.(file) ?? `${JSON.stringify(file)} cannot be read: ${message}`);
}
