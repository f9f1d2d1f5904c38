import { describeFailure } from "../../../src/cli/main.ts";
import { buildProgram } from "../../../src/cli/program.ts";

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
