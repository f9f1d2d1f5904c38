import type { RewardRule } from "../../statistics/experiments/compared-decision.ts";
import type { Refusal } from "../../statistics/result.ts";
import { formatNumber } from "./format-value.ts";
import { counted, integer } from "./progress.ts";

/** Widest line; a screen of 100 columns shows all of it. */
const lineWidthMax = 100;
const pShownMin = 0.0001;

/** A count that need not be whole: one decimal below 100. */
export function roughly(count: number): string {
  return count < 100 ? String(Number(count.toFixed(1))) : integer(count);
}

/** Four significant digits; integers from 10,000 on with thousands separated. */
export function shown(value: number): string {
  if (Math.abs(value) >= 10_000) return integer(value);
  return String(Number(value.toPrecision(4)));
}

/** What stands in a table in place of a number that was refused. */
export function noNumber(refusal: Refusal | null): string {
  return `none: ${refusal?.reason.replaceAll("_", " ")}`;
}

/** A number that may be missing. */
export function orDash(value: number | null | undefined, write = shown): string {
  return value === null || value === undefined ? "–" : write(value);
}

/** A p-value with four places; never 0. */
export function pText(value: number | null): string {
  return orDash(value, (p) => (p < pShownMin ? `<${pShownMin}` : p.toFixed(4)));
}

/** The title of a column of intervals. */
export function intervalTitle(level: number): string {
  return `${formatNumber(level * 100)} % interval`;
}

/** Estimate and interval, or that there is none and the reason. */
export function rangeCells(effect: {
  readonly estimate: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly refusal: Refusal | null;
}): readonly [string, string] {
  const { estimate, low, high, refusal } = effect;
  if (estimate === null || low === null || high === null) return ["–", noNumber(refusal)];
  return [shown(estimate), `${shown(low)} to ${shown(high)}`];
}

/** What of a log counts as 0 or not at all, and why. @param noun of a row, e.g. `decision` */
export function leftOutNotes(
  { missing, includeOpenWindows }: RewardRule,
  counts: {
    readonly withoutReward: number;
    readonly windowOpen: number;
    readonly notDrawn: number;
  },
  noun: string,
): readonly string[] {
  const open = `${counted(counts.windowOpen, noun)} whose attribution window is still open`;
  const without = `${counted(counts.withoutReward, noun)} without a reward`;
  const drewNone = `${counted(counts.notDrawn, noun)} that drew no arm`;
  return [
    ...(counts.windowOpen === 0
      ? []
      : includeOpenWindows
        ? [`Included: the rewards so far of ${open}. Early outcomes are not like late ones.`]
        : [`Left out: ${open} (--include-open-windows takes in the rewards they have so far).`]),
    ...(counts.withoutReward === 0
      ? []
      : missing === "zero"
        ? [`Counted as 0: ${without}.`]
        : [`Left out: ${without}. Harmless only if rewards are missing whatever the arm was.`]),
    ...(counts.notDrawn === 0 ? [] : [`Left out: ${drewNone} (static mode, fallback, degraded).`]),
  ];
}

/** Why numbers are missing: one sentence for each reason, naming all it concerns; of different messages the first. */
export function refusalNotes(
  results: readonly (readonly [name: string, refusal: Refusal | null])[],
): readonly string[] {
  const refused = results.flatMap(([name, refusal]) =>
    refusal === null ? [] : [{ name, ...refusal }],
  );
  return [...Map.groupBy(refused, ({ reason }) => reason)].map(([reason, all]) => {
    const [first, ...others] = new Set(all.map(({ message }) => message));
    const names = all.map(({ name }) => name).join(", ");
    const example = others.length === 0 ? "" : "for example, ";
    return `No number for ${names}: ${example}${first} (${reason}).`;
  });
}

/** A line below a table that the answer had no room for all of; empty where it had. */
export function leftOutText(count: number, noun: string): string {
  return count === 0 ? "" : `… and ${counted(count, noun)} that the answer had no room for.\n`;
}

/** Lines of at most 100 characters, broken at spaces; the text ends with a line break. */
export function wrap(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > lineWidthMax) {
      lines.push(line);
      line = `  ${word}`;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return `${[...lines, line].join("\n")}\n`;
}
