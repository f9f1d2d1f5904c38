import type { Refusal } from "../../statistics/result.ts";
import { integer } from "./progress.ts";

/** Widest line; a screen of 100 columns shows all of it. */
const lineWidthMax = 100;

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

/** Why numbers are missing: one sentence for each reason of a refusal, naming all it concerns. */
export function refusalNotes(
  results: readonly (readonly [name: string, refusal: Refusal | null])[],
): readonly string[] {
  const names = new Map<string, string[]>();
  for (const [name, refusal] of results) {
    if (refusal === null) continue;
    const text = `${refusal.message} (${refusal.reason})`;
    names.set(text, [...(names.get(text) ?? []), name]);
  }
  return [...names].map(([text, of]) => `No number for ${of.join(", ")}: ${text}.`);
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
