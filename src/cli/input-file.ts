import { readFile } from "node:fs/promises";
import { badInput, type CliError } from "./exit-code.ts";
import type { Terminal } from "./terminal.ts";

export interface InputText {
  /** What to call it in messages. */
  readonly name: string;
  readonly text: string;
}

/**
 * The text of a file that an option names, or of standard input for `-`.
 * @throws CliError usage when the file is not there, may not be read, or is a directory
 */
export async function readInputFile(file: string, terminal: Terminal): Promise<InputText> {
  if (file === "-") return { name: "standard input", text: await terminal.readInput() };
  try {
    return { name: file, text: await readFile(file, "utf8") };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw fileProblem(code, file) ?? badInput(`${file} cannot be read: ${message}`);
  }
}

/** In a sentence why a file cannot be read; undefined when the system's error code is none of the usual ones. */
export function fileProblem(code: string | undefined, file: string): CliError | undefined {
  if (code === "ENOENT") return badInput(`there is no file ${file}`);
  if (code === "EACCES") return badInput(`${file} may not be read`);
  if (code === "EISDIR") return badInput(`${file} is a directory`);
  return undefined;
}
