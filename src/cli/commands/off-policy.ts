import { Command, InvalidArgumentError, Option } from "commander";
import { DecisionCounter } from "../../statistics/experiments/compared-decision.ts";
import { OffPolicyLog } from "../../statistics/off-policy/off-policy-log.ts";
import { print } from "../command-frame.ts";
import { badInput } from "../exit-code.ts";
import { readJsonFile } from "../input/text-file.ts";
import type { DecisionLog } from "../logs/decision-log.ts";
import { addLogOptions, type LogOptions, rewardRule, withLog } from "../logs/with-log.ts";
import {
  type EstimatorName,
  estimatorNames,
  formatOffPolicyReport,
  hasNumber,
  type OffPolicyReport,
  offPolicyReport,
} from "../off-policy/off-policy-report.ts";
import {
  candidateFrom,
  needsServedArms,
  type PolicyFile,
  policyFileFrom,
} from "../off-policy/policy-file.ts";
import { append, numberWithin, wholeNumber } from "../parse-option.ts";
import type { Terminal } from "../terminal.ts";

const effectiveRowsDefault = 100;

interface OffPolicyCommandOptions extends LogOptions {
  readonly policy: string;
  readonly propensityColumn?: string;
  readonly contextColumns?: string;
  readonly estimator?: readonly EstimatorName[];
  readonly minEffectiveRows: number;
  readonly threshold?: number;
  readonly json?: true;
}

export function offPolicyCommand(terminal: Terminal): Command {
  const command = new Command("off-policy")
    .description("estimate from a log what another policy would have earned")
    .requiredOption("--policy <file>", "the policy to evaluate, JSON; - is standard input")
    .option(
      "--propensity-column <name>",
      "column of the probability with which the arm was served (default: propensity or propensity_score)",
    )
    .option(
      "--context-columns <names>",
      'columns that make up the context, separated by commas; "" for none (default: code_type, position)',
    )
    .addOption(
      new Option("--estimator <name>", "only this one; may be given several times")
        .choices([...estimatorNames])
        .argParser(estimatorOption),
    )
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
    );
  return addLogOptions(command, {
    file: "CSV with a title line: one row for each decision",
    missing: "rows without a reward: leave them out, or count them as 0",
  })
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
    )
    .action((options: OffPolicyCommandOptions) => offPolicy(options, terminal));
}

async function offPolicy(options: OffPolicyCommandOptions, terminal: Terminal): Promise<void> {
  const { name, content } = await readJsonFile(options.policy, terminal);
  const policy = policyFileFrom(content, name);
  const { contextColumns, propensityColumn } = options;
  const needs = {
    fileOptions: { "--propensity-column": propensityColumn },
    noun: "rows",
    forComparison: false,
    propensityColumn,
    contextColumns: contextColumns === undefined ? undefined : namesIn(contextColumns),
    // Of an export of banditd's own events, and of the Open Bandit Dataset.
    usualContextColumns: ["code_type", "position"],
    contextOption: "--context-columns",
    policyColumns: policy.by,
  };
  const report = await withLog(options, needs, terminal, (log) => evaluated(log, policy, options));
  print(terminal, options, report, {
    json: () => report,
    text: formatOffPolicyReport,
    failure: () =>
      hasNumber(report) ? undefined : "the log does not say what this policy would have earned",
  });
}

async function evaluated(
  source: DecisionLog,
  policy: PolicyFile,
  options: OffPolicyCommandOptions,
): Promise<OffPolicyReport> {
  const { contextColumns } = source;
  const { level } = options;
  const rule = rewardRule(options);
  const servedArms = needsServedArms(policy) ? await source.listArms() : [];
  const log = new OffPolicyLog({
    policy: candidateFrom(policy, { contextColumns, servedArms }),
    ...(options.threshold === undefined ? {} : { threshold: options.threshold }),
  });
  const leftOut = { notDrawn: 0 };
  const counter = new DecisionCounter(rule);
  let rows = 0;
  for await (const decision of source.read(leftOut)) {
    const { context, arm, propensity = Number.NaN } = decision;
    const reward = counter.rewardOf(decision);
    if (reward === undefined) continue;
    rows += 1;
    if (log.add({ context, arm, propensity, reward }) !== undefined) break;
  }
  return offPolicyReport({
    log: source.name,
    policy: options.policy,
    level,
    rule,
    counts: { ...counter.counts(), ...leftOut, rows },
    contextColumns,
    estimators: options.estimator ?? estimatorNames,
    result: log.evaluate({ level, effectiveSampleSizeMin: options.minEffectiveRows }),
  });
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
