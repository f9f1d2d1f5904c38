import { InvalidArgumentError } from "commander";
import { parseTime } from "../input/parse-time.ts";

const dayMs = 86_400_000;
const unitsMs = { s: 1000, m: 60_000, h: 3_600_000, d: dayMs, w: 7 * dayMs } as const;
const durationDaysMax = 3650;

/** A time on the command line, in milliseconds since the Unix epoch: some are reckoned from now. */
export type TimeOption = (nowMs: number) => number;

/** A parser of commander: what {@link parseTime} takes, or the beginning of today or yesterday (UTC). */
export function timeOption(text: string): TimeOption {
  const daysAgo = ["today", "yesterday"].indexOf(text.trim());
  if (daysAgo >= 0) return (nowMs) => (Math.floor(nowMs / dayMs) - daysAgo) * dayMs;
  const value = parseTime(text.trim());
  if (value !== undefined) return () => value;
  throw new InvalidArgumentError(
    "It must be a time such as 2026-11-23 or 2026-11-23T14:30:00Z (UTC), today or yesterday.",
  );
}

/** A parser of commander for a whole number of seconds, minutes, hours, days or weeks. @returns milliseconds */
export function durationOption(text: string): number {
  const [, count, unit] = /^([1-9]\d*)([smhdw])$/.exec(text.trim()) ?? [];
  const durationMs = Number(count) * unitsMs[unit as keyof typeof unitsMs];
  if (durationMs <= durationDaysMax * dayMs) return durationMs;
  throw new InvalidArgumentError(
    `It must be a duration such as 90m, 12h, 7d or 2w, of ${durationDaysMax} days at most.`,
  );
}
