import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { exitCodes } from "../../src/cli/exit-code.ts";
import { allCommands, buildProgram } from "../../src/cli/program.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/reference/cli.md"), "utf8");

const silent: Terminal = {
  out: () => undefined,
  err: () => undefined,
  errIsScreen: false,
  monotonicMs: () => 0,
  nowMs: () => 0,
  fillRandom: () => undefined,
  readInput: async () => "",
  waitForStop: async () => "",
  endWithin: () => undefined,
};

/** `variants create` for that command below `banditd variants`. */
function pathOf(command: Command): string {
  const parent = command.parent;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}

/** Rows of the first table below a heading, as arrays of cells. */
function tableUnder(heading: string): string[][] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`docs/reference/cli.md has no heading "${heading}"`);
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  return lines
    .slice(2)
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll("\\|", "|").replaceAll("`", "")));
}

const commands = allCommands(buildProgram(silent)).filter(
  (command) => command.parent !== null && command.commands.length === 0,
);

describe("docs/reference/cli.md", () => {
  it("has a section for every command and no other", () => {
    const headings = [...page.matchAll(/^## banditd (.+)$/gm)].map((match) => match[1]);
    expect(headings).toEqual(commands.map(pathOf));
  });

  it.each(commands.map((command) => [pathOf(command), command] as const))(
    "lists the arguments and options of %s as --help does",
    (path, command) => {
      const argumentRows = command.registeredArguments.map((argument) => [
        argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
        argument.description,
      ]);
      const help = command.createHelp();
      const optionRows = command.options.map((option) => [
        option.flags,
        help.optionDescription(option),
      ]);
      expect(tableUnder(`banditd ${path}`)).toEqual([...argumentRows, ...optionRows]);
    },
  );

  it("lists every exit code", () => {
    const rows = tableUnder("Exit codes");
    expect(rows.map(([code]) => Number(code))).toEqual(Object.values(exitCodes));
  });
});
