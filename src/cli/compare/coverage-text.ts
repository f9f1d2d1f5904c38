import { formatShare } from "../text/format-value.ts";
import { counted, integer } from "../text/progress.ts";
import { wrap } from "../text/report-text.ts";
import type { AdaptiveReport } from "./comparison-json.ts";

/** Traffic that may be missing from a number without an alarm: less than it moves a number by chance. */
const quietShareMax = 0.01;

/** What all numbers together leave out: the smallest share that one of them is about, and why. */
function leftOutOf(report: AdaptiveReport) {
  const numbers = [
    ...report.arms.map(({ value }) => value),
    ...report.comparisons.flatMap(({ difference, sequence }) => [difference, sequence]),
  ].filter(({ left_out: leftOut }) => leftOut.length > 0);
  const contexts = new Map(
    numbers
      .flatMap(({ left_out: leftOut }) => leftOut)
      .map(({ context, share, refusal }) => [context, { share, refusal }]),
  );
  const [largest, ...rest] = [...contexts].sort(([, a], [, b]) => b.share - a.share);
  if (largest === undefined) return undefined;
  const [context, { share, refusal }] = largest;
  const others = rest.length === 0 ? "" : ` and ${counted(rest.length, "other")}`;
  return {
    coveredShare: Math.min(...numbers.map(({ covered_share: covered }) => covered ?? 1)),
    text:
      `${counted(numbers.length, "number")} ${numbers.length === 1 ? "leaves" : "leave"} out ` +
      `${context} (${formatShare(share)} of the traffic; ${refusal.message})${others}`,
  };
}

/** Loudly, in one sentence, where numbers leave out more than a hundredth of the traffic; else nothing. */
export function coverageAlarm(report: AdaptiveReport): string {
  const leftOut = leftOutOf(report);
  if (leftOut === undefined || 1 - leftOut.coveredShare < quietShareMax) return "";
  const { coveredShare, text } = leftOut;
  return wrap(
    `!!! PART OF THE TRAFFIC: ${text}, and each is about ${formatShare(coveredShare)} of the traffic or more.`,
  );
}

/** How contexts were put together, and what little was left out; nothing where there is one context. */
export function contextNotes(report: AdaptiveReport): readonly string[] {
  if (report.contexts < 2) return [];
  const leftOut = leftOutOf(report);
  const isQuiet = leftOut !== undefined && 1 - leftOut.coveredShare < quietShareMax;
  const eProcess =
    report.rewards === "binary"
      ? " The e-process asks whether the arms are equal in every context; it has no direction."
      : "";
  return [
    ...(isQuiet ? [`Of less than a hundredth of the traffic: ${leftOut.text}.`] : []),
    `${integer(report.contexts)} contexts (code types): values and differences are estimated in each by itself and ` +
      `weighed by its share of the traffic.${eProcess}`,
  ];
}
