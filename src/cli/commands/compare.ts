import { Command, Option } from "commander";
import { type AdaptiveReport, compareAdaptive } from "../compare/adaptive-comparison.ts";
import { compareFixed, type FixedReport } from "../compare/fixed-comparison.ts";
import { badInput, CliError, exitCodes } from "../exit-code.ts";
import { openCsvDecisions } from "../logs/csv-decisions.ts";
import type { DecisionSource } from "../logs/decision-source.ts";
import {
  addLogOptions,
  type LogOptions,
  levelOption,
  requireOneLog,
  serviceSpanOf,
} from "../logs/log-option.ts";
import { logProgress } from "../logs/log-progress.ts";
import type { MissingReward } from "../logs/log-source.ts";
import { openServiceDecisions } from "../logs/service-decisions.ts";
import { append, wholeNumber } from "../parse-option.ts";
import {
  addConnectionOptions,
  type ConnectionOptions,
  withService,
} from "../service-connection.ts";
import { printJson, type Terminal } from "../terminal.ts";
import { formatAdaptive, formatFixed, hasNumber, ratioAlarm } from "../text/format-comparison.ts";
import { Progress } from "../text/progress.ts";

const tightestAtDefault = 1000;

interface CompareOptions extends ConnectionOptions, LogOptions {
  readonly control: string;
  readonly treatment?: readonly string[];
  readonly shares?: "adaptive" | "fixed";
  readonly ratio?: readonly string[];
  readonly level: number;
  readonly missing: MissingReward;
  readonly unbounded?: true;
  readonly tightestAt?: number;
  readonly actionColumn?: string;
  readonly rewardColumn?: string;
  readonly covariateColumn?: string;
  readonly contextColumn?: string;
  readonly json?: true;
}

export function compareCommand(terminal: Terminal): Command {
  const command = new Command("compare")
    .description("compare arms with a control on a log: is one better, and by how much?")
    .requiredOption("--control <arm>", "arm that the others are compared with")
    .option(
      "--treatment <arm>",
      "arm to compare with it; may be given several times (default: every other arm of the log)",
      append,
    );
  addLogOptions(command, "CSV with a title line: one row for each decision, in their order")
    .addOption(
      new Option(
        "--shares <kind>",
        "whether shares followed the rewards (default: adaptive, of a file without propensities fixed)",
      ).choices(["adaptive", "fixed"]),
    )
    .option(
      "--ratio <arm=share>",
      "fixed: share an arm should have had, for every arm (default: all alike)",
      append,
    )
    .addOption(levelOption())
    .addOption(
      new Option(
        "--missing <what>",
        "decisions without a reward: leave them out, or count them as 0 once their window has closed",
      )
        .choices(["drop", "zero"])
        .default("drop"),
    )
    .option("--unbounded", "rewards need not be from 0 to 1")
    .option(
      "--tightest-at <count>",
      `fixed: rewards an arm at which a sequence is tightest (default: ${tightestAtDefault})`,
      wholeNumber(1, 1_000_000_000_000),
    )
    .option("--action-column <name>", "column of the arm served (default: variant_id or item_id)")
    .option("--reward-column <name>", "column of the reward (default: reward or click)")
    .option("--covariate-column <name>", "fixed: column of a number known before, for CUPED")
    .option(
      "--context-column <name>",
      "adaptive: column of what the shares went by (default: code_type where there is one)",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
adaptive needs the probability of every arm in every decision: a service's log has them, a file may have the
columns arm_variant_ids and arm_probabilities (JSON lists) or a column propensity:<arm> for every arm.

Exits with 1 when there is no number for any comparison, when the arms were not served as often as they should
have been (sample-ratio mismatch) and when the log has no decisions; the reasons are printed.

Examples:
  banditd compare --from 2026-11-01 --agent-type evolution --control evolution/baseline-direct@1
  banditd compare --log experiment.csv --shares fixed --control a --ratio a=0.8 --ratio b=0.2`,
    );
  return addConnectionOptions(command).action(async (options: CompareOptions) => {
    const report = await compared(options, terminal);
    const alarm = ratioAlarm(report);
    if (options.json) printJson(terminal, report);
    else terminal.out(report.shares === "fixed" ? formatFixed(report) : formatAdaptive(report));
    if (alarm !== undefined && options.json) terminal.err(`${alarm}\n`);
    if (report.decisions === 0) {
      throw new CliError(exitCodes.failed, "the log has no decisions to compare");
    }
    if (alarm !== undefined) {
      throw new CliError(exitCodes.failed, "the arms were not served as often as they should be");
    }
    if (!hasNumber(report)) {
      throw new CliError(exitCodes.failed, "the log does not say how the arms compare");
    }
  });
}

async function compared(
  options: CompareOptions,
  terminal: Terminal,
): Promise<AdaptiveReport | FixedReport> {
  const { contextColumn, covariateColumn } = options;
  requireOneLog(options, {
    "--action-column": options.actionColumn,
    "--reward-column": options.rewardColumn,
    "--covariate-column": covariateColumn,
    "--context-column": contextColumn,
  });
  requireArms(options);
  const progress = new Progress(terminal);
  const told = logProgress(progress, "decisions");
  try {
    if (options.log !== undefined) {
      const { log: file, actionColumn, rewardColumn } = options;
      const source = await openCsvDecisions({
        file,
        ...(actionColumn === undefined ? {} : { actionColumn }),
        ...(rewardColumn === undefined ? {} : { rewardColumn }),
        ...(covariateColumn === undefined ? {} : { covariateColumn }),
        ...(contextColumn === undefined ? {} : { contextColumn }),
        onProgress: told.ofFile,
      });
      const isAdaptive = source.lacksVectors === undefined;
      return await compareSource(source, options, isAdaptive ? "adaptive" : "fixed");
    }
    const nowMs = terminal.nowMs();
    const span = {
      ...serviceSpanOf(options),
      toMs: options.to ?? nowMs,
      nowMs,
      onProgress: told.ofService,
    };
    return await withService(options, terminal, (client) =>
      compareSource(openServiceDecisions({ ...span, client }), options, "adaptive"),
    );
  } finally {
    progress.clear();
  }
}

function compareSource(
  source: DecisionSource,
  options: CompareOptions,
  sharesDefault: "adaptive" | "fixed",
): Promise<AdaptiveReport | FixedReport> {
  const { level, missing, control, treatment: treatments = [] } = options;
  const common = { level, missing, control, treatments, unbounded: options.unbounded ?? false };
  const shares = options.shares ?? sharesDefault;
  const misplaced = Object.entries({
    "--ratio": options.ratio,
    "--tightest-at": options.tightestAt,
    "--covariate-column": options.covariateColumn,
  }).find(([, value]) => value !== undefined);
  if (shares === "adaptive") {
    if (misplaced !== undefined) throw badInput(`${misplaced[0]} belongs to --shares fixed`);
    return compareAdaptive(source, common);
  }
  if (options.contextColumn !== undefined) {
    throw badInput("--context-column belongs to --shares adaptive");
  }
  return compareFixed(source, {
    ...common,
    tightestAt: options.tightestAt ?? tightestAtDefault,
    hasCovariate: options.covariateColumn !== undefined,
    ...(options.ratio === undefined ? {} : { ratio: ratioFrom(options.ratio) }),
  });
}

function requireArms({ control, treatment = [] }: CompareOptions): void {
  if (treatment.includes(control)) throw badInput(`--treatment ${control}: it is the control`);
  const twice = treatment.find((arm, index) => treatment.indexOf(arm) < index);
  if (twice !== undefined) throw badInput(`--treatment ${twice}: given twice`);
}

function ratioFrom(texts: readonly string[]): ReadonlyMap<string, number> {
  const ratio = new Map<string, number>();
  for (const text of texts) {
    const at = text.lastIndexOf("=");
    const arm = text.slice(0, at);
    const share = Number(text.slice(at + 1));
    if (at < 1 || text.endsWith("=") || !(share > 0 && share < 1)) {
      throw badInput(`--ratio ${text}: must be an arm, =, and a share between 0 and 1`);
    }
    if (ratio.has(arm)) throw badInput(`--ratio ${arm}: given twice`);
    ratio.set(arm, share);
  }
  return ratio;
}
