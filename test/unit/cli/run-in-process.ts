import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { describeFailure } from "../../../src/cli/main.ts";
import { buildProgram } from "../../../src/cli/program.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** Runs one command line in this process, against no clock and no signals. */
export async function runInProcess(args: readonly string[], input = "") {
  let stdout = "";
  let stderr = "";
  const program = buildProgram({
    out: (text) => {
      stdout += text;
    },
    err: (text) => {
      stderr += text;
    },
    errIsScreen: false,
    monotonicMs: () => 0,
    nowMs: () => 0,
    readInput: async function* () {
      yield input;
    },
    waitForStop: () => new Promise(() => undefined),
    endWithin: () => undefined,
  });
  try {
    await program.parseAsync(["node", "banditd", ...args]);
    return { exitCode: 0, stdout, stderr };
  } catch (error) {
    const { exitCode, message } = describeFailure(error);
    return { exitCode, stdout, stderr: stderr + message };
  }
}

/** What a command line that succeeds, and says nothing beside it, answers with `--json`. */
export async function answerOf(args: readonly string[], input = "") {
  const { exitCode, stdout, stderr } = await runInProcess([...args, "--json"], input);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout);
}

/** The command line is wrong usage, and stderr says why. */
export async function expectUsageError(args: readonly string[], message: string): Promise<void> {
  const { exitCode, stdout, stderr } = await runInProcess(args);
  expect(stderr).toContain(message);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
}

/** What writes files for commands, lines or JSON, and gives their paths; they go with the test file. */
export function fileWriter(): (content: readonly string[] | object) => string {
  const directory = temporaryDirectory();
  let files = 0;
  return (content) => {
    files += 1;
    const path = join(directory, `${files}.txt`);
    writeFileSync(path, Array.isArray(content) ? content.join("\n") : JSON.stringify(content));
    return path;
  };
}
