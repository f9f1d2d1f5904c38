import { CommanderError } from "commander";
import { stopBudget } from "../app/stop-budget.ts";
import { ClientError } from "../client/index.ts";
import { BanditError } from "../domain/errors.ts";
import { withoutCredentials } from "../domain/without-credentials.ts";
import { CliError, type ExitCode, exitCodes } from "./exit-code.ts";
import { processTerminal } from "./process-terminal.ts";
import { buildProgram } from "./program.ts";

/** Runs one command line and leaves its exit code behind. @param argv as in `process.argv` */
export async function main(argv: readonly string[]): Promise<void> {
  const terminal = processTerminal();
  // Node would print every property of the error; drivers hang commands with passwords on theirs.
  process.on("uncaughtException", (error) => {
    terminal.err(`${describeFailure(error).message}\n`);
    process.exit(exitCodes.failed);
  });
  try {
    await buildProgram(terminal).parseAsync([...argv]);
  } catch (error) {
    const { exitCode, message } = describeFailure(error);
    if (message !== "") terminal.err(`${message}\n`);
    process.exitCode = exitCode;
    // What the failed command began may hold a connection or a thread, and would keep the process alive.
    terminal.endWithin(stopBudget.exitMs, exitCode);
  }
}

/** What the user is told, without credentials. An empty message: it has been printed. */
export function describeFailure(error: unknown): { exitCode: ExitCode; message: string } {
  const { exitCode, message } = failureOf(error);
  return { exitCode, message: withoutCredentials(message) };
}

function failureOf(error: unknown): { exitCode: ExitCode; message: string } {
  if (error instanceof CommanderError) {
    return { exitCode: error.exitCode === 0 ? exitCodes.ok : exitCodes.usage, message: "" };
  }
  if (error instanceof CliError) {
    return { exitCode: error.exitCode, message: `banditd: ${error.message}` };
  }
  if (error instanceof BanditError || error instanceof ClientError) {
    return { exitCode: exitCodeFor(error.code), message: `banditd: ${describe(error)}` };
  }
  // The operating system refuses something, and its message says what: a path, an address.
  if (error instanceof Error && "syscall" in error) {
    return { exitCode: exitCodes.failed, message: `banditd: ${error.message}` };
  }
  return { exitCode: exitCodes.failed, message: `banditd: ${describeBug(error)}` };
}

/** One line that a report of the bug can quote; the user of a command has no use for a stack. */
function describeBug(error: unknown): string {
  if (!(error instanceof Error)) return `unexpected failure: ${String(error)}`;
  const place = error.stack?.match(/\n +at (.*)/)?.[1] ?? "an unknown place";
  return `unexpected failure: ${error.message} (a bug in banditd, please report it; at ${place})`;
}

function exitCodeFor(code: string): ExitCode {
  if (code === "invalid_argument") return exitCodes.usage;
  return code === "not_found" ? exitCodes.notFound : exitCodes.failed;
}

/** The message, and the broken rules it does not mention itself. */
function describe(error: BanditError | ClientError): string {
  const further = error.violations
    .filter((violation) => !error.message.includes(violation.description))
    .map((violation) => `\n  ${violation.field}: ${violation.description}`);
  return `${error.message}${further.join("")}${error instanceof BanditError ? causesOf(error) : ""}`;
}

/** Why an engine in this process failed; there is no server log where it could be looked up. */
function causesOf(error: Error): string {
  const { cause } = error;
  if (!(cause instanceof Error)) return "";
  return `; because: ${cause.message.replaceAll(/\s*\n\s*/g, " ")}${causesOf(cause)}`;
}
