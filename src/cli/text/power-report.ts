import {
  meansDetectableEffect,
  meansPower,
  meansSampleSize,
} from "../../statistics/means-power.ts";
import type { ArmSizes, Plan } from "../../statistics/power-plan.ts";
import {
  proportionsDetectableEffect,
  proportionsPower,
  proportionsSampleSize,
} from "../../statistics/proportions-power.ts";
import type { Refusal, Result } from "../../statistics/result.ts";
import { formatNumber } from "./format-value.ts";
import { integer } from "./progress.ts";
import { refusalNotes, wrap } from "./report-text.ts";

/** What is to be planned. Of effect, size and power two are given; the third is the question. */
export interface PlanRequest {
  /** What the rewards are: 0/1 with this rate in the control, or any numbers with this spread. */
  readonly outcome:
    | { readonly kind: "proportion"; readonly baseline: number }
    | { readonly kind: "mean"; readonly standardDeviation: number };
  /** Treatment − control. Absent: the smallest that is found is asked for. */
  readonly effect?: number;
  /** Observations of the control. Absent: the smallest that suffice are asked for. */
  readonly controlSize?: number;
  readonly power: number;
  readonly alpha: number;
  readonly allocationRatio: number;
  readonly looks: "once" | "any_time";
  readonly tightestAt: number;
  /** Whether the smallest rise or the smallest fall of a rate is asked for. */
  readonly direction: "rise" | "fall";
}

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

export function buildPowerReport(request: PlanRequest): PowerReport {
  const { outcome, effect, controlSize } = request;
  const question =
    controlSize === undefined
      ? "sample_size"
      : effect === undefined
        ? "detectable_effect"
        : "power";
  const result = planned(request);
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
  const shown = (value: number | null, write = formatNumber): string =>
    value === null ? "–" : write(value);
  const arms =
    report.control_size === null || report.treatment_size === null
      ? shown(report.control_size, integer)
      : `${integer(report.control_size)} control, ${integer(report.treatment_size)} treatment`;
  const { baseline } = report;
  const rates =
    baseline === null || report.effect === null
      ? ""
      : ` (${formatNumber(baseline)} against ${formatNumber(baseline + report.effect)})`;
  const facts: [PowerReport["question"] | "", string, string][] = [
    baseline === null
      ? ["", "standard deviation", shown(report.standard_deviation)]
      : ["", "baseline rate", formatNumber(baseline)],
    ["detectable_effect", "effect", `${shown(report.effect)}${rates}`],
    ["sample_size", "observations", arms],
    ["power", "power", shown(report.power, (value) => value.toFixed(4))],
    ["", "level (two-sided)", formatNumber(report.alpha)],
    [
      "",
      "looks",
      report.looks === "once"
        ? "once, when all observations are in"
        : `at any time; the interval is tightest at ${integer(report.tightest_at ?? 0)} an arm`,
    ],
  ];
  const width = Math.max(...facts.map(([, name]) => name.length));
  const lines = facts.map(([question, name, value]) => {
    const isAnswer = question === report.question;
    const text = isAnswer && report.refusal !== null ? "no number" : value;
    return `${isAnswer ? ">" : " "} ${name.padEnd(width)}  ${text}\n`;
  });
  return `${lines.join("")}${refusalNotes([["this plan", report.refusal]])
    .map(wrap)
    .join("")}`;
}

function planned(request: PlanRequest): Result<Plan> {
  const { outcome, effect, controlSize, alpha, power, looks, allocationRatio } = request;
  const judged = { alpha, looks, tightestAtN: request.tightestAt };
  if (controlSize === undefined) {
    const wanted = { ...judged, power, allocationRatio };
    const difference = effect ?? 0;
    return outcome.kind === "mean"
      ? meansSampleSize({ ...outcome, effect: difference }, wanted)
      : proportionsSampleSize(
          { controlRate: outcome.baseline, treatmentRate: outcome.baseline + difference },
          wanted,
        );
  }
  // Less a little, so that 0.1 · 30 is 3 and not 4.
  const treatmentN = Math.ceil(controlSize * allocationRatio * (1 - 1e-12));
  const sizes: ArmSizes = { controlN: controlSize, treatmentN };
  if (effect === undefined) {
    const wanted = { ...judged, power };
    return outcome.kind === "mean"
      ? meansDetectableEffect({ ...sizes, ...outcome }, wanted)
      : proportionsDetectableEffect(
          { ...sizes, controlRate: outcome.baseline, direction: request.direction },
          wanted,
        );
  }
  return outcome.kind === "mean"
    ? meansPower({ ...sizes, ...outcome, effect }, judged)
    : proportionsPower(
        {
          ...sizes,
          controlRate: outcome.baseline,
          treatmentRate: outcome.baseline + effect,
        },
        judged,
      );
}
