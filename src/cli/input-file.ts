import { readFile } from "node:fs/promises";
import { badInput } from "./exit-code.ts";
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
    if (code === "ENOENT") throw badInput(`there is no file ${file}`);
    if (code === "EACCES") throw badInput(`${file} may not be read`);
    if (code === "EISDIR") throw badInput(`${file} is a directory`);
    throw badInput(`${file} cannot be read: ${message}`);
  }
}
