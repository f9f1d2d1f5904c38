import type { LoggedRow } from "../../statistics/off-policy/logged-row.ts";

/** What becomes of decisions whose reward is not known. */
export type MissingReward = "drop" | "zero";

/** Rows that were there and are not in the evaluation, or not as they were. */
export interface ReadingCounts {
  /** Rows handed out. */
  readonly rows: number;
  /** Rows without a reward: left out, or counted as 0. */
  readonly withoutReward: number;
  /** Rows left out because no arm was drawn for them: static mode, fallback, degraded. */
  readonly notDrawn: number;
}

/** Where logged decisions come from. Can be read several times. */
export interface LogSource {
  /** e.g. the file's name. */
  readonly name: string;
  /** Columns that make up the context label, in its order; see {@link contextLabel}. */
  readonly contextColumns: readonly string[];
  /** Every arm that was served, sorted. */
  listArms(): Promise<readonly string[]>;
  /** Hands out every row in order, until `take` returns false. */
  read(take: (row: LoggedRow) => boolean): Promise<ReadingCounts>;
}

/** Values of several columns as one label. Unambiguous as long as no value holds a comma. */
export function contextLabel(values: readonly string[]): string {
  return values.join(",");
}

/** Decisions for which no arm was drawn, so that their propensity says nothing about what could have been served. */
export function isDrawn(decision: {
  readonly source: string;
  readonly degraded: boolean;
}): boolean {
  return !decision.degraded && decision.source !== "static" && decision.source !== "fallback";
}
