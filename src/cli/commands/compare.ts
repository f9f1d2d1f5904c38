import { Command, Option } from "commander";
import { compareAdaptive } from "../../statistics/experiments/adaptive-comparison.ts";
import { compareFixed } from "../../statistics/experiments/fixed-comparison.ts";
import type { Result } from "../../statistics/result.ts";
import { print } from "../command-frame.ts";
import {
  type AdaptiveReport,
  adaptiveReport,
  type FixedReport,
  fixedReport,
} from "../compare/comparison-json.ts";
import { formatAdaptive, formatFixed, hasNumber } from "../compare/format-comparison.ts";
import { ratioAlarm } from "../compare/sample-ratio-text.ts";
import { badInput } from "../exit-code.ts";
import type { DecisionLog } from "../logs/decision-log.ts";
import { addLogOptions, type LogOptions, rewardRule, withLog } from "../logs/with-log.ts";
import { append, namedNumbers, wholeNumber } from "../parse-option.ts";
import type { Terminal } from "../terminal.ts";

const tightestAtDefault = 1000;

interface CompareOptions extends LogOptions {
  readonly control: string;
  readonly treatment?: readonly string[];
  readonly shares?: "adaptive" | "fixed";
  readonly ratio?: readonly string[];
  readonly unbounded?: true;
  readonly weighting?: "variance-stabilizing" | "uniform";
  readonly tightestAt?: number;
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
    )
    .addOption(
      new Option(
        "--shares <kind>",
        "whether shares followed the rewards (default: adaptive, of a file without propensities fixed)",
      ).choices(["adaptive", "fixed"]),
    )
    .option(
      "--ratio <arm=share>",
      "fixed: share an arm should have had, for every arm, served or not (default: as the log's probabilities have it, else all alike)",
      append,
    )
    .option("--unbounded", "rewards need not be from 0 to 1")
    .addOption(
      new Option(
        "--weighting <kind>",
        "adaptive: weights of one look's scores; uniform: the average over the log, also where means moved (default: variance-stabilizing)",
      ).choices(["variance-stabilizing", "uniform"]),
    )
    .option(
      "--tightest-at <count>",
      `fixed: rewards an arm at which a sequence is tightest (default: ${tightestAtDefault})`,
      wholeNumber(1, 1_000_000_000_000),
    )
    .option(
      "--covariate-column <name>",
      "fixed: column of a number known before the experiment, for CUPED",
    )
    .option(
      "--context-column <name>",
      "adaptive: column of the context that the shares depended on (default: code_type if the file has it)",
    );
  return addLogOptions(command, {
    file: "CSV with a title line: one row for each decision, in their order",
    missing:
      "decisions without a reward: leave them out, or count them as 0 once their window has closed",
  })
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
adaptive needs the probability of every arm in every decision: a service's log has them, a file may have the
columns arm_variant_ids and arm_probabilities (JSON lists) or a column propensity:<arm> for every arm.

Exits with 1 when there is no number for any comparison, when the arms were not served as often as they should
have been (sample-ratio mismatch) and when the log has no decisions; the reasons are printed.

Examples:
  banditd compare --last 7d --agent-type evolution --control evolution/baseline-direct@1
  banditd compare --log experiment.csv --shares fixed --control a --ratio a=0.8 --ratio b=0.2`,
    )
    .action((options: CompareOptions) => compare(options, terminal));
}

async function compare(options: CompareOptions, terminal: Terminal): Promise<void> {
  requireArms(options);
  const { contextColumn, covariateColumn } = options;
  const needs = {
    fileOptions: { "--covariate-column": covariateColumn, "--context-column": contextColumn },
    noun: "decisions",
    forComparison: true,
    covariateColumn,
    contextColumns: contextColumn === undefined ? undefined : [contextColumn],
    usualContextColumns: ["code_type"],
    contextOption: "--context-column",
    policyColumns: [],
  };
  const report = await withLog(options, needs, terminal, (log) => compared(log, options));
  const alarm = ratioAlarm(report);
  if (alarm !== undefined && options.json) terminal.err(`${alarm}\n`);
  print(terminal, options, report, {
    json: () => report,
    text: () => (report.shares === "fixed" ? formatFixed(report) : formatAdaptive(report)),
    failure: () => {
      if (report.decisions === 0) return "the log has no decisions to compare";
      if (alarm !== undefined) return "the arms were not served as often as they should be";
      if (hasNumber(report)) return undefined;
      const { decisions_window_open: open, decisions, open_windows_included: areIn } = report;
      return open > 0 && !areIn
        ? `the log does not say yet how the arms compare: of ${open} of ${decisions} decisions the attribution window is still open`
        : "the log does not say how the arms compare";
    },
  });
}

async function compared(
  log: DecisionLog,
  options: CompareOptions,
): Promise<AdaptiveReport | FixedReport> {
  const { level, control, treatment: treatments = [], ratio } = options;
  const common = { level, control, ...rewardRule(options) };
  const request = { ...common, treatments, unbounded: options.unbounded ?? false };
  const leftOut = { notDrawn: 0 };
  const logRead = () => ({ ...common, log: log.name, ...leftOut });
  const shares = options.shares ?? (log.lacksVectors === undefined ? "adaptive" : "fixed");
  if (shares === "fixed") {
    refuseOptions("adaptive", {
      "--context-column": options.contextColumn,
      "--weighting": options.weighting,
    });
    const comparison = await compareFixed(log.read(leftOut), {
      ...request,
      tightestAt: options.tightestAt ?? tightestAtDefault,
      hasCovariate: options.covariateColumn !== undefined,
      ...(ratio === undefined ? {} : { ratio: ratioFrom(ratio) }),
    });
    return fixedReport(logRead(), usable(comparison));
  }
  refuseOptions("fixed", {
    "--ratio": ratio,
    "--tightest-at": options.tightestAt,
    "--covariate-column": options.covariateColumn,
  });
  if (log.lacksVectors !== undefined) {
    throw badInput(
      `${log.lacksVectors}. Shares that follow rewards cannot be compared without them; ` +
        "if the shares stayed the same, say --shares fixed",
    );
  }
  const weighting = options.weighting === "uniform" ? "uniform" : "variance_stabilizing";
  const comparison = await compareAdaptive(log.read(leftOut), { ...request, weighting });
  return adaptiveReport({ ...logRead(), weighting }, usable(comparison));
}

/** @throws CliError usage when one of the options, which belong to the other kind of shares, was given */
function refuseOptions(kind: string, options: Readonly<Record<string, unknown>>): void {
  const [misplaced] = Object.entries(options).find(([, value]) => value !== undefined) ?? [];
  if (misplaced !== undefined) throw badInput(`${misplaced} belongs to --shares ${kind}`);
}

/** A request that the log does not fit is refused with the name of the option in front. */
function usable<Comparison>(result: Result<Comparison>): Comparison {
  if (result.ok) return result.value;
  throw badInput(`--${result.refusal.message}`);
}

function requireArms({ control, treatment = [] }: CompareOptions): void {
  if (treatment.includes(control)) throw badInput(`--treatment ${control}: it is the control`);
  const twice = treatment.find((arm, index) => treatment.indexOf(arm) < index);
  if (twice !== undefined) throw badInput(`--treatment ${twice}: given twice`);
}

function ratioFrom(texts: readonly string[]): ReadonlyMap<string, number> {
  return namedNumbers(texts, {
    ...{ option: "--ratio", rule: "an arm, =, and a share between 0 and 1" },
    isOne: (share) => share > 0 && share < 1,
  });
}
