import { pText, shown, wrap } from "../text/report-text.ts";
import type { AdaptiveReport, EffectJson, FixedReport } from "./comparison-json.ts";
import { ratioAlarm } from "./sample-ratio-text.ts";

/**
 * What the log says of each treatment, in sentences: by a method that holds at any time where it has a number, else by
 * the one for one look. Nothing where the sample ratio forbids to believe a number.
 */
export function conclusion(report: AdaptiveReport | FixedReport): string {
  if (ratioAlarm(report) !== undefined) return "";
  const found = effectsOf(report).map(({ treatment, anyTime, oneLook }) => {
    const effect = anyTime.find(({ refusal }) => refusal === null);
    if (effect !== undefined) return sentence(report, treatment, effect, "any time");
    if (oneLook.refusal === null) return sentence(report, treatment, oneLook, "one look");
    return `No number: ${treatment} against ${report.control}; the reasons stand at the end.`;
  });
  return found.map(wrap).join("");
}

function effectsOf(report: AdaptiveReport | FixedReport) {
  return report.shares === "adaptive"
    ? report.comparisons.map(({ treatment, difference, sequence }) => ({
        treatment,
        anyTime: [sequence],
        oneLook: difference,
      }))
    : report.comparisons.map(({ treatment, difference, sequence, bounded_sequence: bounded }) => ({
        treatment,
        anyTime: [sequence, bounded],
        oneLook: difference,
      }));
}

function sentence(
  { control, level }: AdaptiveReport | FixedReport,
  treatment: string,
  effect: EffectJson,
  looks: string,
): string {
  const [estimate, low, high, p] = [
    effect.estimate,
    effect.low,
    effect.high,
    effect.adjusted_p_value,
  ].map((value) => value ?? Number.NaN) as [number, number, number, number];
  const range = `between ${shown(low)} and ${shown(high)} (${looks}, level ${shown(level)})`;
  if (p > 1 - level) return `Undecided: ${treatment} minus ${control} is ${range}.`;
  const verdict = estimate > 0 ? "Higher" : "Lower";
  return `${verdict}: ${treatment} minus ${control} is ${shown(estimate)}, ${range}, p (Holm) ${pText(p)}.`;
}
