import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { exitCodes } from "../../src/cli/exit-code.ts";
import { allCommands, buildProgram } from "../../src/cli/program.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

const pageOf = (name: string) =>
  readFileSync(join(import.meta.dirname, "../../docs/reference", name), "utf8");
const page = pageOf("cli.md");

const silent: Terminal = {
  out: () => undefined,
  err: () => undefined,
  errIsScreen: false,
  monotonicMs: () => 0,
  nowMs: () => 0,
  readInput: async function* () {
    yield "";
  },
  waitForStop: async () => "",
  endWithin: () => undefined,
};

/** `variants create` for that command below `banditd variants`. */
function pathOf(command: Command): string {
  const parent = command.parent;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}

/** The text below a heading. */
function sectionOf(heading: string): string {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`docs/reference/cli.md has no heading "${heading}"`);
  return section;
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
    "names no option of %s that the command does not have",
    (path, command) => {
      const known = command.options.map(({ long }) => long);
      const named = sectionOf(`banditd ${path}`).match(/(?<![\w-])--[a-z][a-z-]*/g) ?? [];
      // A section may show a command beside its own in an example.
      const others = commands.flatMap((other) =>
        sectionOf(`banditd ${path}`).includes(`${pathOf(other)} `)
          ? other.options.map(({ long }) => long)
          : [],
      );
      expect([...known, ...others, "--help"]).toEqual(expect.arrayContaining(named));
    },
  );

  it.each(commands.map((command) => [pathOf(command), command] as const))(
    "leaves every argument and option of %s to a --help that describes it",
    (_, command) => {
      const help = command.createHelp();
      for (const option of command.options) expect(help.optionDescription(option)).not.toBe("");
      for (const { description } of command.registeredArguments) expect(description).not.toBe("");
    },
  );

  it("lists every exit code", () => {
    const codes = [...sectionOf("Exit codes").matchAll(/^\| (\d+) \|/gm)].map(([, code]) => code);
    expect(codes.map(Number)).toEqual(Object.values(exitCodes));
  });
});

it("docs/reference/input-files.md lists every argument and option that names a file", () => {
  const listed = [
    ...pageOf("input-files.md").matchAll(/^\| (`.+`) \| (.+) \| (?:CSV|JSON|text) \|$/gm),
  ]
    .flatMap(([, names = "", where = ""]) =>
      [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => `${name} ${where.replaceAll("`", "")}`),
    )
    .filter((entry) => entry !== "query -");
  const taken = commands.flatMap((command) => [
    ...command.registeredArguments
      .filter((argument) => argument.name() === "file")
      .map(() => `${pathOf(command)} the argument`),
    ...command.options
      .filter(({ flags }) => flags.includes("<file>"))
      .map(({ long }) => `${pathOf(command)} ${long}`),
  ]);
  expect(listed.sort()).toEqual(taken.sort());
});
