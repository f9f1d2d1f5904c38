import type { Refusal } from "../../statistics/result.ts";
import { formatShare } from "../text/format-value.ts";
import { counted, integer } from "../text/progress.ts";
import {
  intervalTitle,
  leftOutNotes,
  noNumber,
  orDash,
  rangeCells,
  refusalNotes,
  roughly,
  shown,
  wrap,
} from "../text/report-text.ts";
import { formatTable, numbers } from "../text/table.ts";
import type {
  AdaptiveReport,
  CoverageJson,
  EffectJson,
  FixedReport,
  LogJson,
  SampleRatioJson,
} from "./comparison-json.ts";

type Named = readonly [name: string, refusal: Refusal | null];

const armWidthMax = 34;
const pShownMin = 0.0001;

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

/** True when there is a number for at least one comparison. */
export function hasNumber(report: AdaptiveReport | FixedReport): boolean {
  const refusals =
    report.shares === "adaptive"
      ? report.comparisons.flatMap(({ difference, sequence, equality }) => [
          difference.refusal,
          sequence.refusal,
          equality.refusal,
        ])
      : report.comparisons.flatMap((one) => methodsOf(one).map(([, effect]) => effect.refusal));
  return refusals.includes(null);
}

export function formatAdaptive(report: AdaptiveReport): string {
  if (report.decisions === 0) return emptyText(report);
  const interval = intervalTitle(report.level);
  const values = formatTable(
    [
      { title: "arm", widthMax: armWidthMax },
      ...numbers("served", "expected", "value (AIPW)", interval, "eff. n"),
    ],
    report.arms.map(({ arm, served, expected, value }) => [
      arm,
      integer(served),
      orDash(expected, integer),
      ...rangeCells(value),
      orDash(value.effective_sample_size, roughly),
    ]),
  );
  const differences = effectTable(
    { first: "one look (AIPW)", estimate: "difference", interval },
    report.comparisons.map(({ treatment, difference }) => [treatment, difference]),
  );
  const sequences = effectTable(
    { first: "any time (sequence)", estimate: "difference", interval },
    report.comparisons.map(({ treatment, sequence }) => [treatment, sequence]),
  );
  // It is made for 0/1 rewards alone; of others every line would say so.
  const isTested = report.rewards === "binary";
  const evidence = formatTable(
    [
      { title: "any time, equal? (e-process)", widthMax: armWidthMax },
      ...numbers("rewards", "control's", "e-value", "p-value", "p (Holm)"),
    ],
    report.comparisons.map(({ treatment, equality }) => [
      treatment,
      orDash(equality.treatment_rewards, integer),
      orDash(equality.control_rewards, integer),
      equality.e_value === null ? noNumber(equality.refusal) : evidenceText(equality.e_value),
      pText(equality.p_value),
      pText(equality.adjusted_p_value),
    ]),
  );
  const refusals: Named[] = [
    ...report.arms.map(({ arm, value }): Named => [`the value of ${arm}`, value.refusal]),
    ...report.comparisons.map(
      ({ treatment, difference }): Named => [`the difference of ${treatment}`, difference.refusal],
    ),
    ...report.comparisons.map(
      ({ treatment, sequence }): Named => [`the sequence of ${treatment}`, sequence.refusal],
    ),
    ...report.comparisons.map(
      ({ treatment, equality }): Named => [
        `the e-process of ${treatment}`,
        isTested ? equality.refusal : null,
      ],
    ),
  ];
  return joined([
    title(report, "shares that follow the rewards (adaptive)"),
    ratioText(report, "Sample ratio by propensities"),
    values,
    coverageText(report),
    `Difference to the control, ${report.control}:\n`,
    ...(report.comparisons.length === 0
      ? []
      : [differences, sequences, ...(isTested ? [evidence] : [])]),
    notes(report, refusals),
  ]);
}

export function formatFixed(report: FixedReport): string {
  if (report.decisions === 0) return emptyText(report);
  const interval = intervalTitle(report.level);
  const arms = formatTable(
    [
      { title: "arm", widthMax: armWidthMax },
      ...numbers("served", "share", "rewards", "mean", "std. dev.", "P(best)", "exp. loss"),
    ],
    report.arms.map((arm) => [
      arm.arm,
      integer(arm.units),
      formatShare(arm.share),
      integer(arm.rewards),
      orDash(arm.mean),
      orDash(arm.standard_deviation),
      orDash(arm.best_probability, formatShare),
      orDash(arm.expected_loss),
    ]),
  );
  const refusals: Named[] = [["P(best) and the expected loss", report.best_refusal]];
  const comparisons = report.comparisons.map((comparison) => {
    const { treatment, cuped } = comparison;
    const methods = methodsOf(comparison);
    refusals.push(
      ...methods.map(([name, { refusal }]): Named => [`${name} of ${treatment}`, refusal]),
    );
    const reduction =
      cuped === null || cuped.variance_reduction === null
        ? ""
        : `CUPED took ${shown(cuped.variance_reduction * 100)} % of the variance away.\n`;
    return `${wrap(`${treatment} against the control, ${report.control}:`)}${effectTable(
      { first: "method", estimate: "effect", interval },
      methods,
    )}${reduction}`;
  });
  const moved = report.propensities_moved
    ? wrap(
        "!!! THE SHARES MOVED: arms were served with propensities that differ. If they followed the rewards, " +
          "these tests raise false alarms; use --shares adaptive.",
      )
    : "";
  return joined([
    title(report, "fixed shares"),
    `${ratioText(report, "Sample ratio")}${moved}`,
    arms,
    ...comparisons,
    notes(report, refusals),
  ]);
}

/** How contexts were put together, and loudly what the numbers leave out; nothing where there is one context. */
function coverageText(report: AdaptiveReport): string {
  if (report.contexts < 2) return "";
  const named: (readonly [string, CoverageJson])[] = [
    ...report.arms.map(({ arm, value }) => [`the value of ${arm}`, value] as const),
    ...report.comparisons.map(
      ({ treatment, difference }) => [`the difference of ${treatment}`, difference] as const,
    ),
  ];
  const alarms = named.flatMap(([name, { covered_share: share, left_out: leftOut }]) => {
    if (share === null || leftOut.length === 0) return [];
    const [first, ...rest] = leftOut.map(
      ({ context, share: part, refusal }) =>
        `${context} (${formatShare(part)} of the traffic; ${refusal.message})`,
    );
    const others = rest.length === 0 ? "" : ` and ${integer(rest.length)} more`;
    return `!!! PART OF THE TRAFFIC: ${name} is about a share of ${formatShare(share)} of it. Left out: ${first}${others}.`;
  });
  const method =
    `${integer(report.contexts)} contexts (code types): values and differences are estimated in each by itself ` +
    "and weighed by its share of the traffic. The e-process asks whether the arms are equal in every context; it has no direction.";
  return [...alarms, method].map(wrap).join("");
}

/** In the order in which they are printed. */
function methodsOf(
  comparison: FixedReport["comparisons"][number],
): readonly (readonly [name: string, effect: EffectJson])[] {
  const { cuped, proportions, exact_proportions: exact } = comparison;
  return [
    ["Welch's t-test", comparison.difference],
    ["Welch's t-test, relative", comparison.relative],
    // The exact test stands where the counts are too small for the other.
    proportions.refusal !== null && exact.refusal === null
      ? ["two proportions, exact", exact]
      : ["two proportions", proportions],
    ["two proportions, relative", comparison.relative_proportions],
    ...(cuped === null ? [] : ([["CUPED", cuped]] as const)),
    ["any time", comparison.sequence],
    ["any time, relative", comparison.relative_sequence],
    ["any time, exact", comparison.bounded_sequence],
  ];
}

function effectTable(
  titles: { readonly first: string; readonly estimate: string; readonly interval: string },
  effects: readonly (readonly [name: string, effect: EffectJson])[],
): string {
  return formatTable(
    [
      { title: titles.first, widthMax: armWidthMax },
      ...numbers(titles.estimate, titles.interval, "p-value", "p (Holm)"),
    ],
    effects.map(([name, effect]) => [
      name,
      ...rangeCells(effect),
      pText(effect.p_value),
      pText(effect.adjusted_p_value),
    ]),
  );
}

function ratioText(report: AdaptiveReport | FixedReport, name: string): string {
  const alarm = ratioAlarm(report);
  const p = ({ p_value: value, refusal }: SampleRatioJson): string =>
    value === null
      ? `– (no number: ${refusal?.message})`
      : `${value < pShownMin ? "" : "= "}${pText(value)}`;
  const verdict = alarm === undefined ? "" : wrap(alarm);
  return `${verdict}${wrap(
    `${name}: p ${p(report.sample_ratio)} at one look, p ${p(report.any_time_sample_ratio)} at any time ` +
      "(alarm below 0.001).",
  )}`;
}

function title(report: LogJson, shares: string): string {
  return wrap(`Log of ${report.log}: ${counted(report.decisions, "decision")}, ${shares}`);
}

function notes(report: AdaptiveReport | FixedReport, refusals: readonly Named[]): string {
  const texts = [...refusalNotes(refusals), ...decisionNotes(report)];
  if (report.shares === "fixed" && report.decisions_of_other_arms > 0) {
    texts.push(`Left out: ${counted(report.decisions_of_other_arms, "decision")} of other arms.`);
  }
  return texts.map(wrap).join("");
}

/** All that is said of a log without decisions: every method would refuse it in its own words. */
function emptyText(report: LogJson): string {
  return ["The log has no decisions that drew an arm.", ...decisionNotes(report)]
    .map(wrap)
    .join("");
}

function decisionNotes(report: LogJson): readonly string[] {
  return leftOutNotes(
    { missing: report.missing, includeOpenWindows: report.open_windows_included },
    {
      withoutReward: report.decisions_without_reward,
      windowOpen: report.decisions_window_open,
      notDrawn: report.decisions_not_drawn,
    },
    "decision",
  );
}

/** An e-value may have three hundred digits. */
function evidenceText(value: number): string {
  return value < 1e6 ? shown(value) : value.toExponential(2);
}

function pText(value: number | null): string {
  return orDash(value, (p) => (p < pShownMin ? `<${pShownMin}` : p.toFixed(4)));
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n");
}
