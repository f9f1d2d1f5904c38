import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { interruption } from "./interruption.ts";
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
  const interrupted = interruption(terminal);
  try {
    return await use(directory, interrupted);
  } finally {
    // An engine that did not close within its budget still writes: its last file must not cost the command's result.
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
