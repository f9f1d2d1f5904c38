import { Command, InvalidArgumentError, Option } from "commander";
import { OffPolicyLog } from "../../statistics/off-policy/off-policy-log.ts";
import { badInput, CliError, exitCodes } from "../exit-code.ts";
import { readInputFile } from "../input-file.ts";
import { openCsvLog } from "../logs/csv-log.ts";
import {
  addLogOptions,
  type LogOptions,
  levelOption,
  requireOneLog,
  serviceSpanOf,
} from "../logs/log-option.ts";
import { logProgress } from "../logs/log-progress.ts";
import type { LogSource, MissingReward } from "../logs/log-source.ts";
import { openServiceLog } from "../logs/service-log.ts";
import {
  buildOffPolicyReport,
  type EstimatorName,
  estimatorNames,
  formatOffPolicyReport,
  hasNumber,
  type OffPolicyReport,
} from "../off-policy/off-policy-report.ts";
import {
  candidateFrom,
  needsServedArms,
  type PolicyFile,
  parsePolicyFile,
} from "../off-policy/policy-file.ts";
import { append, numberWithin, wholeNumber } from "../parse-option.ts";
import {
  addConnectionOptions,
  type ConnectionOptions,
  withService,
} from "../service-connection.ts";
import { printJson, type Terminal } from "../terminal.ts";
import { Progress } from "../text/progress.ts";

const effectiveRowsDefault = 100;

interface OffPolicyCommandOptions extends ConnectionOptions, LogOptions {
  readonly policy: string;
  readonly actionColumn?: string;
  readonly rewardColumn?: string;
  readonly propensityColumn?: string;
  readonly contextColumns?: string;
  readonly missing: MissingReward;
  readonly estimator?: readonly EstimatorName[];
  readonly level: number;
  readonly minEffectiveRows: number;
  readonly threshold?: number;
  readonly json?: true;
}

export function offPolicyCommand(terminal: Terminal): Command {
  const command = new Command("off-policy")
    .description("estimate from a log what another policy would have earned")
    .requiredOption("--policy <file>", "the policy to evaluate, JSON; - is standard input");
  addLogOptions(command, "CSV with a title line: one row for each decision")
    .option("--action-column <name>", "column of the arm served (default: variant_id or item_id)")
    .option("--reward-column <name>", "column of the reward (default: reward or click)")
    .option(
      "--propensity-column <name>",
      "column of the probability with which the arm was served (default: propensity or propensity_score)",
    )
    .option(
      "--context-columns <names>",
      'columns that make up the context, separated by commas; "" for none (default: code_type, position)',
    )
    .addOption(
      new Option("--missing <what>", "rows without a reward: leave them out, or count them as 0")
        .choices(["drop", "zero"])
        .default("drop"),
    )
    .addOption(
      new Option("--estimator <name>", "only this one; may be given several times")
        .choices([...estimatorNames])
        .argParser(estimatorOption),
    )
    .addOption(levelOption())
    .option(
      "--min-effective-rows <count>",
      "refuse below this effective sample size",
      wholeNumber(1, 1_000_000_000),
      effectiveRowsDefault,
    )
    .option(
      "--threshold <weight>",
      "switch-dr: largest weight that is corrected (default: chosen from the log)",
      numberWithin(0.01, 1e9),
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
The policy file holds shares that add up to 1, for every context or by the values of columns:
  {"shares": {"a": 0.3, "b": 0.7}}
  {"uniform": true}
  {"by": ["position"], "cells": {"1": {"shares": {"a": 1}}}, "otherwise": {"uniform": true}}

Exits with 1 when no estimator gives a number; the reasons are printed.

Examples:
  banditd off-policy --log men-random.csv --policy shares.json
  banditd off-policy --from 2026-11-01 --agent-type evolution --policy shares.json --json`,
    );
  return addConnectionOptions(command).action(async (options: OffPolicyCommandOptions) => {
    const report = await evaluated(options, terminal);
    if (options.json) printJson(terminal, report);
    else terminal.out(formatOffPolicyReport(report));
    if (!hasNumber(report)) {
      throw new CliError(
        exitCodes.failed,
        "the log does not say what this policy would have earned",
      );
    }
  });
}

async function evaluated(
  options: OffPolicyCommandOptions,
  terminal: Terminal,
): Promise<OffPolicyReport> {
  requireOneLog(options, {
    "--action-column": options.actionColumn,
    "--reward-column": options.rewardColumn,
    "--propensity-column": options.propensityColumn,
  });
  const { name, text } = await readInputFile(options.policy, terminal);
  const policy = parsePolicyFile(text, name);
  const progress = new Progress(terminal);
  const told = logProgress(progress, "rows");
  const common = {
    policyColumns: policy.by,
    missing: options.missing,
    ...(options.contextColumns === undefined
      ? {}
      : { contextColumns: namesIn(options.contextColumns) }),
  };
  try {
    if (options.log !== undefined) {
      const source = await openCsvLog({
        ...common,
        ...columnsOf(options),
        file: options.log,
        onProgress: told.ofFile,
      });
      return await evaluateSource(source, policy, options);
    }
    const serviceOptions = {
      ...common,
      ...serviceSpanOf(options),
      toMs: options.to ?? terminal.nowMs(),
      onProgress: told.ofService,
    };
    return await withService(options, terminal, (client) =>
      evaluateSource(openServiceLog({ ...serviceOptions, client }), policy, options),
    );
  } finally {
    progress.clear();
  }
}

async function evaluateSource(
  source: LogSource,
  policy: PolicyFile,
  options: OffPolicyCommandOptions,
): Promise<OffPolicyReport> {
  const { contextColumns } = source;
  const servedArms = needsServedArms(policy) ? await source.listArms() : [];
  const log = new OffPolicyLog({
    policy: candidateFrom(policy, { contextColumns, servedArms }),
    ...(options.threshold === undefined ? {} : { threshold: options.threshold }),
  });
  const counts = await source.read((row) => log.add(row) === undefined);
  return buildOffPolicyReport({
    log: source.name,
    policy: options.policy,
    level: options.level,
    missing: options.missing,
    counts,
    contextColumns,
    estimators: options.estimator ?? estimatorNames,
    result: log.evaluate({
      level: options.level,
      effectiveSampleSizeMin: options.minEffectiveRows,
    }),
  });
}

function columnsOf(options: OffPolicyCommandOptions) {
  const { actionColumn, rewardColumn, propensityColumn } = options;
  return {
    ...(actionColumn === undefined ? {} : { actionColumn }),
    ...(rewardColumn === undefined ? {} : { rewardColumn }),
    ...(propensityColumn === undefined ? {} : { propensityColumn }),
  };
}

function namesIn(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (text.trim() === "") return [];
  if (names.includes("") || new Set(names).size < names.length) {
    throw badInput(`--context-columns ${text}: must be different names, separated by commas`);
  }
  return names;
}

function estimatorOption(text: string, previous: readonly string[] | undefined): readonly string[] {
  if (!estimatorNames.some((name) => name === text)) {
    throw new InvalidArgumentError(`Allowed choices are ${estimatorNames.join(", ")}.`);
  }
  return append(text, previous);
}
