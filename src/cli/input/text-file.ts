import { createReadStream } from "node:fs";
import type { JsonValue } from "@bufbuild/protobuf";
import { badInput, CliError } from "../exit-code.ts";
import type { Terminal } from "../terminal.ts";
import { parseJson } from "./parse-json.ts";

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
 * Bytes as text, without a byte order mark. Nothing is replaced without a word: a prompt or an arm with another
 * character in it would be another one.
 * @throws CliError usage for a file that is not UTF-8, or holds NUL as binary files do
 */
export async function* decoded(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const piece = (part?: Uint8Array): string => {
    let text: string;
    try {
      text = part === undefined ? decoder.decode() : decoder.decode(part, { stream: true });
    } catch {
      throw badInput(`${name} is not text in UTF-8`);
    }
    if (!text.includes("\0")) return text;
    throw badInput(`${name} is not text: it holds a NUL character`);
  };
  for await (const part of bytes) yield piece(part);
  yield piece();
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
