/** What the process says when it ends. Documented in `--help` and docs/reference/cli.md. */
export const exitCodes = {
  ok: 0,
  /** The command ran and did not succeed. */
  failed: 1,
  /** Wrong arguments, or input that cannot be used. */
  usage: 2,
  notFound: 3,
  /** No service answers at the address. */
  unreachable: 4,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A failure whose message is all the user needs to see. */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CliError";
    this.exitCode = exitCode;
  }
}

/** Shorthand for arguments or input that cannot be used. */
export function badInput(message: string): CliError {
  return new CliError(exitCodes.usage, message);
}
