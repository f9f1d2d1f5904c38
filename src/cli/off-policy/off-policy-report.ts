import type { RewardRule } from "../../statistics/experiments/compared-decision.ts";
import type {
  Evaluation,
  OffPolicyEstimate,
  SwitchEstimate,
  ValueEstimate,
} from "../../statistics/off-policy/evaluation.ts";
import type { Result } from "../../statistics/result.ts";
import { counted } from "../text/progress.ts";
import {
  intervalTitle,
  leftOutNotes,
  orDash,
  rangeCells,
  refusalNotes,
  roughly,
  shown,
  wrap,
} from "../text/report-text.ts";
import { type ResultJson, resultJson } from "../text/result-json.ts";
import { formatFacts, formatTable, numbers } from "../text/table.ts";

/** In the order in which they are printed; with dashes as on the command line. */
export const estimatorNames = ["ips", "snips", "dm", "dr", "switch-dr"] as const;
export type EstimatorName = (typeof estimatorNames)[number];
const methods = {
  ips: "ips",
  snips: "snips",
  dm: "dm",
  dr: "dr",
  "switch-dr": "switchDr",
} as const;

/** What `banditd off-policy --json` prints. Rewards are means per row. */
export type OffPolicyReport = ReturnType<typeof offPolicyReport>;
type EstimateJson = ResultJson<ValueEstimate, typeof valueNames>;
type WeightedJson = ResultJson<OffPolicyEstimate, typeof weightedNames>;

/** Those that were asked for. */
type OffPolicyEstimates = {
  readonly [Name in Exclude<EstimatorName, "switch-dr">]?: WeightedJson;
} & {
  /** The threshold is null when no weight was left out. */
  readonly switch_dr?: ResultJson<SwitchEstimate, typeof switchNames>;
};

const valueNames = {
  value: "value",
  standard_error: "standardError",
  low: "low",
  high: "high",
} as const;
/** Weights are those of the log for `dm`, which uses none. */
const weightedNames = {
  ...valueNames,
  effective_sample_size: "effectiveSampleSize",
  mean_weight: "meanWeight",
  largest_weight: "largestWeight",
} as const;
const switchNames = {
  ...weightedNames,
  threshold: "threshold",
  bias_bound: "biasBound",
} as const;

/** Below it, an interval covers less than it claims: the standard error itself is a guess. */
const standardErrorRowsMin = 30;

export function offPolicyReport(input: {
  readonly log: string;
  readonly policy: string;
  readonly level: number;
  readonly rule: RewardRule;
  readonly counts: {
    /** Of the evaluation. */
    readonly rows: number;
    /** Left out, or counted as 0. */
    readonly withoutReward: number;
    /** Left out unless they were asked for. */
    readonly windowOpen: number;
    readonly notDrawn: number;
  };
  readonly contextColumns: readonly string[];
  readonly estimators: readonly EstimatorName[];
  readonly result: Result<Evaluation>;
}) {
  const { result, counts } = input;
  const of = <Value>(pick: (value: Evaluation) => Result<Value>): Result<Value> =>
    result.ok ? pick(result.value) : result;
  const asked = estimatorNames.filter((name) => input.estimators.includes(name));
  const estimates = asked.map((name) => {
    const estimate = of<OffPolicyEstimate>((value) => value[methods[name]]);
    const names = name === "switch-dr" ? switchNames : weightedNames;
    return [name.replace("-", "_"), resultJson(estimate as Result<SwitchEstimate>, names)];
  });
  return {
    log: input.log,
    policy: input.policy,
    level: input.level,
    rows: counts.rows,
    rows_without_reward: counts.withoutReward,
    rows_window_open: counts.windowOpen,
    missing: input.rule.missing,
    open_windows_included: input.rule.includeOpenWindows,
    rows_not_drawn: counts.notDrawn,
    context_columns: input.contextColumns,
    on_policy: resultJson(
      of((value) => value.onPolicy),
      valueNames,
    ),
    /** Null when the log could not be evaluated at all. */
    diagnostics: result.ok ? diagnosticsJson(result.value.diagnostics) : null,
    estimates: Object.fromEntries(estimates) as OffPolicyEstimates,
  };
}

/** True when there is a number for at least one estimator that was asked for. */
export function hasNumber(report: OffPolicyReport): boolean {
  return Object.values(report.estimates).some(({ refusal }) => refusal === null);
}

/** The report for people. */
export function formatOffPolicyReport(report: OffPolicyReport): string {
  const rows: [string, EstimateJson][] = [
    ["the log's own mean", report.on_policy],
    ...Object.entries(report.estimates).map(([name, estimate]): [string, EstimateJson] => [
      name.replace("_", "-"),
      estimate,
    ]),
  ];
  const estimates = formatTable(
    ["", ...numbers("value", intervalTitle(report.level), "std. error")],
    rows.map(([name, { value: estimate, low, high, standard_error: error, refusal }]) => [
      name,
      ...rangeCells({ estimate, low, high, refusal }),
      orDash(error),
    ]),
  );
  return [titleOf(report), estimates, diagnosticsText(report), notesText(report, rows)]
    .filter((part) => part !== "")
    .join("\n");
}

function titleOf(report: OffPolicyReport): string {
  const columns = report.context_columns.join(", ");
  const contexts = report.diagnostics?.contexts ?? 0;
  const where = columns === "" ? "no context" : `${counted(contexts, "context")} by ${columns}`;
  return wrap(
    `Policy ${report.policy} on the log of ${report.log}: ${rowsText(report.rows)}, ${where}`,
  );
}

function diagnosticsText(report: OffPolicyReport): string {
  const { diagnostics } = report;
  if (diagnostics === null) return "";
  const lines: [string, string][] = [
    [
      "effective sample size",
      `${roughly(diagnostics.effective_sample_size)} of ${rowsText(report.rows)}`,
    ],
    [
      "mean weight (should be 1)",
      `${shown(diagnostics.mean_weight)} ± ${shown(diagnostics.mean_weight_standard_error)}`,
    ],
    ["largest weight", shown(diagnostics.largest_weight)],
    ["rows behind the std. errors", roughly(diagnostics.standard_error_rows)],
    ["share on pairs never served", shown(diagnostics.unserved_share)],
  ];
  return formatFacts(lines);
}

function notesText(report: OffPolicyReport, rows: readonly (readonly [string, EstimateJson])[]) {
  const notes = [...refusalNotes(rows.map(([name, { refusal }]) => [name, refusal] as const))];
  const { switch_dr: switchDr } = report.estimates;
  if (switchDr !== undefined && switchDr.threshold !== null) {
    notes.push(
      `switch-dr leaves weights above ${shown(switchDr.threshold)} to the reward model. That may move its ` +
        `value by up to ${shown(switchDr.bias_bound ?? 0)}, which its interval does not hold.`,
    );
  }
  const behind = report.diagnostics?.standard_error_rows ?? 0;
  if (hasNumber(report) && behind > 0 && behind < standardErrorRowsMin) {
    notes.push(
      `The standard errors rest on about ${rowsText(behind)} (heavy weights, or rare rewards); below ` +
        `${standardErrorRowsMin}, intervals cover less than they claim.`,
    );
  }
  const counts = {
    withoutReward: report.rows_without_reward,
    windowOpen: report.rows_window_open,
    notDrawn: report.rows_not_drawn,
  };
  const rule = { missing: report.missing, includeOpenWindows: report.open_windows_included };
  notes.push(...leftOutNotes(rule, counts, "row"));
  return notes.map(wrap).join("");
}

function rowsText(count: number): string {
  const text = roughly(count);
  return `${text} ${text === "1" ? "row" : "rows"}`;
}

function diagnosticsJson(diagnostics: Evaluation["diagnostics"]) {
  return {
    effective_sample_size: diagnostics.effectiveSampleSize,
    mean_weight: diagnostics.meanWeight,
    mean_weight_standard_error: diagnostics.meanWeightStandardError,
    largest_weight: diagnostics.largestWeight,
    standard_error_rows: diagnostics.standardErrorRows,
    unserved_share: diagnostics.unservedShare,
    contexts: diagnostics.contexts,
    candidate_arms_served: diagnostics.candidateArmsServed,
    other_arms: diagnostics.otherArms,
  };
}
