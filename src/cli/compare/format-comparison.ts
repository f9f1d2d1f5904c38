import type { Refusal } from "../../statistics/result.ts";
import { formatShare } from "../text/format-value.ts";
import { counted, integer } from "../text/progress.ts";
import {
  intervalTitle,
  leftOutNotes,
  noNumber,
  orDash,
  pText,
  rangeCells,
  refusalNotes,
  roughly,
  shown,
  wrap,
} from "../text/report-text.ts";
import { formatTable, numbers } from "../text/table.ts";
import type { AdaptiveReport, EffectJson, FixedReport, LogJson } from "./comparison-json.ts";
import { conclusion } from "./conclusion-text.ts";
import { contextNotes, coverageAlarm } from "./coverage-text.ts";
import { ratioText } from "./sample-ratio-text.ts";

type Named = readonly [name: string, refusal: Refusal | null];

const armWidthMax = 34;

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
  const heading = [
    title(report, "shares that follow the rewards (adaptive)"),
    ratioText(report, "Sample ratio by propensities"),
  ];
  // Every method would say so in its own words.
  const isWaiting =
    report.decisions_window_open === report.decisions && !report.open_windows_included;
  if (isWaiting) return joined([...heading, notes(report, [])]);
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
  const differences = formatTable(
    [
      { title: "treatment", widthMax: armWidthMax },
      "valid at",
      ...numbers("difference", interval, "p-value", "p (Holm)"),
    ],
    report.comparisons.flatMap(({ treatment, difference, sequence }) => [
      [treatment, "one look", ...effectCells(difference)],
      [treatment, "any time", ...effectCells(sequence)],
    ]),
  );
  // It is made for 0/1 rewards alone; of others every line would say so.
  const isTested = report.rewards === "binary";
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
    ...heading,
    conclusion(report),
    values,
    coverageAlarm(report),
    `Difference to the control, ${report.control}:\n`,
    ...(report.comparisons.length === 0
      ? []
      : [differences, ...(isTested ? [evidenceTable(report)] : [])]),
    notes(report, refusals, contextNotes(report)),
  ]);
}

/** The e-process of each treatment. */
function evidenceTable(report: AdaptiveReport): string {
  return formatTable(
    [
      { title: "equal? (e-process)", widthMax: armWidthMax },
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
}

export function formatFixed(report: FixedReport): string {
  if (report.decisions === 0) return emptyText(report);
  const interval = intervalTitle(report.level);
  const arms = formatTable(
    [
      { title: "arm", widthMax: armWidthMax },
      ...numbers("served", "share due", "rewards", "mean", "std. dev.", "P(best)", "exp. loss"),
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
    const methods = methodsOf(comparison, report.rewards === "binary");
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
    conclusion(report),
    arms,
    ...comparisons,
    notes(report, refusals),
  ]);
}

/** In the order in which they are printed; those of proportions, of 0/1 rewards alone. */
function methodsOf(
  comparison: FixedReport["comparisons"][number],
  isBinary = true,
): readonly (readonly [name: string, effect: EffectJson])[] {
  const { cuped, proportions, exact_proportions: exact } = comparison;
  // The exact test stands where the counts are too small for the other.
  const ofCounts =
    proportions.refusal !== null && exact.refusal === null
      ? (["two proportions, exact", exact] as const)
      : (["two proportions", proportions] as const);
  return [
    ["Welch's t-test", comparison.difference],
    ["Welch's t-test, relative", comparison.relative],
    ...(isBinary
      ? [ofCounts, ["two proportions, relative", comparison.relative_proportions] as const]
      : []),
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
    effects.map(([name, effect]) => [name, ...effectCells(effect)]),
  );
}

function effectCells(effect: EffectJson): readonly string[] {
  return [...rangeCells(effect), pText(effect.p_value), pText(effect.adjusted_p_value)];
}

function title(report: LogJson, shares: string): string {
  return wrap(`Log of ${report.log}: ${counted(report.decisions, "decision")}, ${shares}`);
}

function notes(
  report: AdaptiveReport | FixedReport,
  refusals: readonly Named[],
  ofContexts: readonly string[] = [],
): string {
  const texts = [...refusalNotes(refusals), ...ofContexts, ...decisionNotes(report)];
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

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n");
}
