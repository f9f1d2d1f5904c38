import { decisionSources } from "../../domain/decision.ts";
import { parseNumber } from "./parse-number.ts";
import { parseTime } from "./parse-time.ts";

/** What a cell may hold, and how it is read. */
export interface CellKind<Value> {
  /** For messages. */
  readonly accepts: string;
  /** Undefined for a text that is none. */
  parse(text: string): Value | undefined;
}

/** As Python, R, Excel, Postgres and ClickHouse write them; 1.0 is pandas' 1 in a column with gaps. */
const flags: ReadonlyMap<string, boolean> = new Map([
  ...["true", "True", "TRUE", "t", "T", "1", "1.0"].map((text) => [text, true] as const),
  ...["false", "False", "FALSE", "f", "F", "0", "0.0"].map((text) => [text, false] as const),
]);
/** What ClickHouse writes for NULL. */
const sqlNull = "\\N";
/** An empty cell, and what R and ClickHouse write for a value that is not there. */
const missing = ["", "NA", sqlNull];

export const flagCell: CellKind<boolean> = {
  accepts: `one of ${[...flags.keys()].join(", ")}`,
  parse: (text) => flags.get(text),
};

export const numberCell: CellKind<number> = {
  accepts: "a decimal number such as 0.25 or 2.5e-1",
  parse: parseNumber,
};

const orFlag = ", or true or false (also True, TRUE, T, t …) for 1 or 0";

/** What came of a task: a number, or whether it was a success. */
export const outcomeCell: CellKind<number> = {
  accepts: `${numberCell.accepts}${orFlag}`,
  parse: (text) => parseNumber(text) ?? numberOf(flags.get(text)),
};

export const shareCell: CellKind<number> = {
  accepts: `a number from 0 to 1${orFlag}`,
  parse(text) {
    const value = outcomeCell.parse(text);
    return value !== undefined && value >= 0 && value <= 1 ? value : undefined;
  },
};

export const weightCell: CellKind<number> = {
  accepts: "a number of 0 or more",
  parse(text) {
    const value = parseNumber(text);
    return value !== undefined && value >= 0 ? value : undefined;
  },
};

export const timeCell: CellKind<number> = {
  accepts: "a time such as 2026-11-23T14:30:00Z or 2026-11-23 14:30:00.123456+00",
  parse: parseTime,
};

/** By their short names, and by those of the contract. */
const sources = new Map(
  decisionSources.flatMap((source) => [
    [source, source],
    [`DECISION_SOURCE_${source.toUpperCase()}`, source],
  ]),
);

export const sourceCell: CellKind<string> = {
  accepts: `one of ${decisionSources.join(", ")} (or DECISION_SOURCE_EXPLOIT …); rename the column if it means something else`,
  parse: (text) => sources.get(text),
};

/** A name of something, in any script, as it is. */
export const nameCell: CellKind<string> = {
  accepts: "a name",
  parse: (text) => (text.trim() === "" || text === sqlNull ? undefined : text),
};

/** A cell that may be without a value. @returns null when it is */
export function optional<Value>(kind: CellKind<Value>): CellKind<Value | null> {
  return {
    accepts: `${kind.accepts}; or nothing, NA or \\N where there is none`,
    parse: (text) => (missing.includes(text) ? null : kind.parse(text)),
  };
}

/** A list in JSON; of texts also as ClickHouse and Python write it, in single quotes. */
export function listCell<Entry>(
  entryKind: string,
  isEntry: (entry: unknown) => entry is Entry,
): CellKind<readonly Entry[]> {
  return {
    accepts: `a JSON list of ${entryKind}`,
    parse(text) {
      try {
        const list: unknown = JSON.parse(
          singleQuoted.test(text) ? text.replaceAll("'", '"') : text,
        );
        return Array.isArray(list) && list.every(isEntry) ? list : undefined;
      } catch {
        // Any text that is no such list is refused in the same words.
        return undefined;
      }
    },
  };
}

const singleQuoted = /^\[\s*'[^'"\\]*'(\s*,\s*'[^'"\\]*')*\s*\]$/;

function numberOf(flag: boolean | undefined): number | undefined {
  return flag === undefined ? undefined : Number(flag);
}
