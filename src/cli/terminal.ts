import type { ExitCode } from "./exit-code.ts";

/**
 * What a command sees of the outside. Results go to `out`, everything about the way there (progress,
 * warnings) to `err`, so that output can be piped. Nothing is coloured.
 */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** True when `err` is a screen: one line may be rewritten. */
  readonly errIsScreen: boolean;
  /** Milliseconds since an arbitrary moment; never goes back. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
  /** Standard input as it comes. @throws CliError usage when it is no text in UTF-8 */
  readInput(): AsyncIterable<string>;
  /** Resolves with the name of the first signal that asks to stop; a second one ends the process at once. */
  waitForStop(): Promise<string>;
  /** Ends the process after this time, milliseconds, if anything still keeps it alive then. */
  endWithin(timeMs: number, exitCode: ExitCode): void;
}
