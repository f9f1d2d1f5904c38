import { type Command, Option } from "commander";
import { BanditError } from "../../domain/errors.ts";
import { parseAgentType, parseCodeType } from "../../domain/ids.ts";
import { badInput } from "../exit-code.ts";
import { numberWithin } from "../parse-option.ts";
import { timeOption } from "./time-option.ts";

const levelDefault = 0.95;

/** Options that say which log a command reads: a file, or what a service has decided. */
export interface LogOptions {
  readonly log?: string;
  readonly from?: number;
  readonly to?: number;
  readonly agentType?: string;
  readonly codeType?: string;
  readonly address?: string;
  readonly dataDir?: string;
}

/** `--log` and `--from` with what goes with them. @param fileDescription what the file has to be */
export function addLogOptions(command: Command, fileDescription: string): Command {
  return command
    .option("--log <file>", fileDescription)
    .option(
      "--from <time>",
      "instead of a file: what a service has decided since then (UTC)",
      timeOption,
    )
    .option("--to <time>", "with --from: up to then, exclusive (default: now)", timeOption)
    .option("--agent-type <name>", "with --from: agent type")
    .option("--code-type <name>", "with --from: only this code type");
}

/** How often an interval is to cover; 0.95 if not given. */
export function levelOption(): Option {
  return new Option("--level <share>", "how often an interval is to cover")
    .argParser(numberWithin(0.01, 0.9999))
    .default(levelDefault);
}

/**
 * @param fileOptions options that only make sense with a file, by their names; undefined where not given
 * @throws CliError usage unless exactly one log is named, with no option of the other
 */
export function requireOneLog(
  options: LogOptions,
  fileOptions: Readonly<Record<string, unknown>>,
): void {
  const { log, from } = options;
  if ((log === undefined) === (from === undefined)) {
    throw badInput("either --log (a file) or --from (a service's log) is needed");
  }
  const serviceOptions = {
    "--to": options.to,
    "--agent-type": options.agentType,
    "--code-type": options.codeType,
    "--address": options.address,
    "--data-dir": options.dataDir,
  };
  const [belongsTo, other] = log === undefined ? ["--log", "--from"] : ["--from", "--log"];
  const misplaced = Object.entries(log === undefined ? fileOptions : serviceOptions).find(
    ([, value]) => value !== undefined,
  );
  if (misplaced === undefined) return;
  throw badInput(`${misplaced[0]} belongs to ${belongsTo}, not to ${other}`);
}

/**
 * What of a service's log is read.
 * @throws CliError usage when the agent type is missing, or a name cannot be one
 */
export function serviceSpanOf(options: LogOptions) {
  const { agentType, codeType } = options;
  if (agentType === undefined) throw badInput("--agent-type is needed with --from");
  try {
    return {
      agentType: parseAgentType(agentType, "--agent-type"),
      ...(codeType === undefined ? {} : { codeType: parseCodeType(codeType, "--code-type") }),
      fromMs: options.from ?? 0,
    };
  } catch (error) {
    if (error instanceof BanditError) throw badInput(error.message);
    throw error;
  }
}
