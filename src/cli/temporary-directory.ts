import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliError, exitCodes } from "./exit-code.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Runs `use` with an empty directory that is gone afterwards, also when the user interrupts.
 * @throws CliError failed when interrupted.
 */
export async function withTemporaryDirectory<Result>(
  terminal: Terminal,
  use: (directory: string, interrupted: Promise<never>) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), "banditd-"));
  const interrupted = terminal.waitForStop().then((signal): never => {
    throw new CliError(exitCodes.failed, `interrupted by ${signal}`);
  });
  // Whoever races against it sees the failure; without a race there is nobody to tell.
  interrupted.catch(() => undefined);
  try {
    return await use(directory, interrupted);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
