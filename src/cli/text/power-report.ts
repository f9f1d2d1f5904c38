import { type PlanRequest, planExperiment } from "../../statistics/experiments/plan-experiment.ts";
import type { Refusal } from "../../statistics/result.ts";
import { formatNumber } from "./format-value.ts";
import { integer } from "./progress.ts";
import { orDash, refusalNotes, wrap } from "./report-text.ts";
import { formatFacts } from "./table.ts";

/** What `banditd power --json` prints. Numbers that were refused are null. */
export interface PowerReport {
  readonly question: "sample_size" | "power" | "detectable_effect";
  readonly outcome: "proportion" | "mean";
  readonly baseline: number | null;
  readonly standard_deviation: number | null;
  readonly alpha: number;
  readonly looks: "once" | "any_time";
  /** Null unless looks is any_time. */
  readonly tightest_at: number | null;
  readonly effect: number | null;
  readonly power: number | null;
  readonly control_size: number | null;
  readonly treatment_size: number | null;
  readonly refusal: Refusal | null;
}

export function powerReport(request: PlanRequest): PowerReport {
  const { outcome, effect, controlSize } = request;
  const question =
    controlSize === undefined
      ? "sample_size"
      : effect === undefined
        ? "detectable_effect"
        : "power";
  const result = planExperiment(request);
  const plan = result.ok ? result.value : undefined;
  return {
    question,
    outcome: outcome.kind,
    baseline: outcome.kind === "proportion" ? outcome.baseline : null,
    standard_deviation: outcome.kind === "mean" ? outcome.standardDeviation : null,
    alpha: request.alpha,
    looks: request.looks,
    tightest_at: request.looks === "any_time" ? request.tightestAt : null,
    effect: effect ?? plan?.effect ?? null,
    power: plan?.power ?? (question === "power" ? null : request.power),
    control_size: plan?.controlN ?? controlSize ?? null,
    treatment_size: plan?.treatmentN ?? null,
    refusal: result.ok ? null : result.refusal,
  };
}

/** The report for people. */
export function formatPowerReport(report: PowerReport): string {
  const arms =
    report.control_size === null || report.treatment_size === null
      ? orDash(report.control_size, integer)
      : `${integer(report.control_size)} control, ${integer(report.treatment_size)} treatment`;
  const { baseline } = report;
  const rates =
    baseline === null || report.effect === null
      ? ""
      : ` (${formatNumber(baseline)} against ${formatNumber(baseline + report.effect)})`;
  const facts: [PowerReport["question"] | "", string, string][] = [
    baseline === null
      ? ["", "standard deviation", orDash(report.standard_deviation, formatNumber)]
      : ["", "baseline rate", formatNumber(baseline)],
    ["detectable_effect", "effect", `${orDash(report.effect, formatNumber)}${rates}`],
    ["sample_size", "observations", arms],
    ["power", "power", orDash(report.power, (value) => value.toFixed(4))],
    ["", "level (two-sided)", formatNumber(report.alpha)],
    [
      "",
      "looks",
      report.looks === "once"
        ? "once, when all observations are in"
        : `at any time; the interval is tightest at ${integer(report.tightest_at ?? 0)} an arm`,
    ],
  ];
  const lines = facts.map(([question, name, value]) => {
    const isAnswer = question === report.question;
    const text = isAnswer && report.refusal !== null ? "no number" : value;
    return [`${isAnswer ? ">" : " "} ${name}`, text] as const;
  });
  const notes = refusalNotes([["this plan", report.refusal]]);
  return `${formatFacts(lines)}${notes.map(wrap).join("")}`;
}
