import { type Command, Option } from "commander";
import { parseAgentType, parseCodeType } from "../../domain/ids.ts";
import type { RewardRule } from "../../statistics/experiments/compared-decision.ts";
import { badInput } from "../exit-code.ts";
import { numberWithin } from "../parse-option.ts";
import {
  addConnectionOptions,
  type ConnectionOptions,
  withService,
} from "../service-connection.ts";
import type { Terminal } from "../terminal.ts";
import { describeRate, integer, Progress } from "../text/progress.ts";
import { openCsvLog } from "./csv-log.ts";
import type { DecisionLog, LogNeeds } from "./decision-log.ts";
import { openServiceLog } from "./service-log.ts";
import { durationOption, type TimeOption, timeOption } from "./time-option.ts";

const levelDefault = 0.95;
/** Between reading and printing the event loop has turns; progress costs nothing in between. */
const progressEvery = 1000;

/** Options that say what of a service's log a command reads. */
export interface SpanOptions {
  readonly from?: TimeOption;
  readonly last?: number;
  readonly to?: TimeOption;
  readonly agentType?: string;
  readonly codeType?: string;
}

/** Options that say which log a command reads: a file, or what a service has decided. */
export interface LogOptions extends ConnectionOptions, SpanOptions {
  readonly log?: string;
  readonly actionColumn?: string;
  readonly rewardColumn?: string;
  readonly attributionWindow?: number;
  readonly missing: RewardRule["missing"];
  readonly includeOpenWindows?: true;
  readonly level: number;
}

/** `--log`, `--from` and `--last` with what goes with them. @param fileDescription what the file has to be */
export function addLogOptions(
  command: Command,
  texts: { readonly file: string; readonly missing: string },
): Command {
  return addConnectionOptions(
    command
      .option("--log <file>", texts.file)
      .option(
        "--from <time>",
        "instead of a file: what a service has decided since then (UTC; also today, yesterday)",
        timeOption,
      )
      .option("--last <duration>", "the same, back from now: 90m, 12h, 7d, 2w", durationOption)
      .option("--to <time>", "with --from: up to then, exclusive (default: now)", timeOption)
      .option("--agent-type <name>", "with --from or --last: agent type")
      .option("--code-type <name>", "with --from or --last: only this code type")
      .option("--action-column <name>", "column of the arm served (default: variant_id or item_id)")
      .option("--reward-column <name>", "column of the reward (default: reward or click)")
      .addOption(
        new Option("--missing <what>", texts.missing).choices(["drop", "zero"]).default("drop"),
      )
      .option(
        "--include-open-windows",
        "take in the early rewards of decisions whose attribution window is still open",
      )
      .option(
        "--attribution-window <duration>",
        "of a file with a column decided_at: how long outcomes count (default: all windows are closed)",
        durationOption,
      )
      .addOption(
        new Option("--level <share>", "how often an interval is to cover")
          .argParser(numberWithin(0.01, 0.9999))
          .default(levelDefault),
      ),
  );
}

/** @throws CliError usage for open windows that are to be taken in as zeros */
export function rewardRule({ missing, ...options }: LogOptions): RewardRule {
  const includeOpenWindows = options.includeOpenWindows ?? false;
  if (!includeOpenWindows || missing === "drop") return { missing, includeOpenWindows };
  throw badInput(
    "--include-open-windows cannot go with --missing zero: what is to come would count as 0",
  );
}

/** What a command needs of a log, beside the options that all have. */
export interface CommandNeeds extends LogNeeds {
  /** Options that make sense only with a file, by their names; undefined where not given. */
  readonly fileOptions: Readonly<Record<string, unknown>>;
  /** What a service's rows are called, e.g. `decisions`. */
  readonly noun: string;
}

/**
 * Runs `use` with the log that the options name.
 * @throws CliError usage unless exactly one log is named, with no option of the other
 */
export async function withLog<Result>(
  options: LogOptions,
  needs: CommandNeeds,
  terminal: Terminal,
  use: (log: DecisionLog) => Promise<Result>,
): Promise<Result> {
  const { log: file, actionColumn, rewardColumn } = options;
  requireOneLog(options, {
    "--action-column": actionColumn,
    "--reward-column": rewardColumn,
    "--attribution-window": options.attributionWindow,
    ...needs.fileOptions,
  });
  const progress = new Progress(terminal);
  const onProgress = rowProgress(progress, needs.noun);
  try {
    if (file !== undefined) {
      const { attributionWindow: attributionWindowMs } = options;
      const columns = { actionColumn, rewardColumn, attributionWindowMs };
      return await use(await openCsvLog({ ...needs, ...columns, file, onProgress }));
    }
    const span = spanOf(options, terminal.nowMs());
    return await withService(options, terminal, (client) =>
      use(openServiceLog({ ...needs, ...span, client, onProgress })),
    );
  } finally {
    progress.clear();
  }
}

/** Says how many rows have been read, and how many of a service's are to come. */
export function rowProgress(progress: Progress, noun: string) {
  let firstRowMs: number | undefined;
  return (done: number, total?: number): void => {
    firstRowMs ??= progress.elapsedMs();
    if (done % progressEvery !== 0) return;
    const elapsedMs = progress.elapsedMs() - firstRowMs;
    progress.update(() =>
      total === undefined
        ? `${integer(done)} rows`
        : describeRate({ done, total, noun, elapsedMs }),
    );
  };
}

function requireOneLog(options: LogOptions, fileOptions: Readonly<Record<string, unknown>>): void {
  const { log, from, last } = options;
  if ([log, from, last].filter((one) => one !== undefined).length !== 1) {
    throw badInput("either --log (a file), or --from or --last (a service's log) is needed");
  }
  const serviceOptions = {
    "--to": options.to,
    "--agent-type": options.agentType,
    "--code-type": options.codeType,
    "--address": options.address,
    "--data-dir": options.dataDir,
  };
  const service = last === undefined ? "--from" : "--last";
  const [belongsTo, other] = log === undefined ? ["--log", service] : [service, "--log"];
  const misplaced = Object.entries(log === undefined ? fileOptions : serviceOptions).find(
    ([, value]) => value !== undefined,
  );
  if (misplaced === undefined) return;
  throw badInput(`${misplaced[0]} belongs to ${belongsTo}, not to ${other}`);
}

/** What of a service's log is read. @throws CliError or BanditError when the agent type is missing, or a name cannot be one */
export function spanOf({ agentType, codeType, from, last, to }: SpanOptions, nowMs: number) {
  if (last !== undefined && to !== undefined) throw badInput("--to belongs to --from");
  if (agentType === undefined) throw badInput("--agent-type is needed for a service's log");
  const fromMs = from?.(nowMs) ?? nowMs - (last ?? 0);
  const toMs = to?.(nowMs) ?? nowMs;
  if (to !== undefined && toMs <= fromMs) throw badInput("--to must be later than --from");
  return {
    agentType: parseAgentType(agentType, "--agent-type"),
    codeType: codeType === undefined ? undefined : parseCodeType(codeType, "--code-type"),
    fromMs,
    toMs,
    nowMs,
  };
}
