import { CliError, exitCodes } from "./exit-code.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Rejects when the user interrupts, so that what was opened can be closed. To be raced against.
 * @throws CliError failed
 */
export function interruption(terminal: Terminal): Promise<never> {
  const interrupted = terminal.waitForStop().then((signal): never => {
    throw new CliError(exitCodes.failed, `interrupted by ${signal}`);
  });
  // The caller that races against it sees the failure; after the race nothing awaits it.
  interrupted.catch(() => undefined);
  return interrupted;
}
