import { pText, wrap } from "../text/report-text.ts";
import type { AdaptiveReport, FixedReport, SampleRatioJson } from "./comparison-json.ts";

/** The loud part: what makes every other number worthless. Undefined when nothing does. */
export function ratioAlarm(report: AdaptiveReport | FixedReport): string | undefined {
  const isWrong =
    report.sample_ratio.mismatch === true || report.any_time_sample_ratio.mismatch === true;
  if (!isWrong) return undefined;
  const expectation = report.shares === "adaptive" ? "the logged propensities" : "their shares";
  const assumed =
    report.shares === "fixed" && report.equal_shares_assumed
      ? " Equal shares were assumed; --ratio names others."
      : "";
  return (
    `!!! SAMPLE RATIO MISMATCH: the arms were not served as often as ${expectation} say. ` +
    `Assignment or logging is broken; believe no number below.${assumed}`
  );
}

/** The check in one line, and above it the alarm where there is one. */
export function ratioText(report: AdaptiveReport | FixedReport, name: string): string {
  const alarm = ratioAlarm(report);
  const p = ({ p_value: value, refusal }: SampleRatioJson): string =>
    value === null
      ? `– (no number: ${refusal?.message})`
      : `${pText(value).startsWith("<") ? "" : "= "}${pText(value)}`;
  const verdict = alarm === undefined ? "" : wrap(alarm);
  return `${verdict}${wrap(
    `${name}: p ${p(report.sample_ratio)} at one look, p ${p(report.any_time_sample_ratio)} at any time ` +
      "(alarm below 0.001).",
  )}`;
}
