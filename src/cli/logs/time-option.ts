import { InvalidArgumentError } from "commander";

const pattern =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/;
const dayMs = 86_400_000;
const unitsMs = { s: 1000, m: 60_000, h: 3_600_000, d: dayMs, w: 7 * dayMs } as const;
const durationDaysMax = 3650;
const zonePattern = /^([+-]\d{2}):?(\d{2})$/;

/**
 * A date, or a date with a time; UTC unless it says otherwise.
 * @returns milliseconds since the Unix epoch; undefined for what is no time, also for a day that the month has not
 */
export function parseTime(text: string): number | undefined {
  const [, date, time = "00:00", zone = "Z"] = pattern.exec(text.trim()) ?? [];
  if (date === undefined) return undefined;
  // Date.parse makes 3 March of 31 February.
  const midnight = new Date(`${date}T00:00Z`);
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(date))
    return undefined;
  const value = Date.parse(`${date}T${time}${zone.replace(zonePattern, "$1:$2")}`);
  return Number.isNaN(value) ? undefined : value;
}

/** A time on the command line, in milliseconds since the Unix epoch: some are reckoned from now. */
export type TimeOption = (nowMs: number) => number;

/** A parser of commander: what {@link parseTime} takes, or the beginning of today or yesterday (UTC). */
export function timeOption(text: string): TimeOption {
  const daysAgo = ["today", "yesterday"].indexOf(text.trim());
  if (daysAgo >= 0) return (nowMs) => (Math.floor(nowMs / dayMs) - daysAgo) * dayMs;
  const value = parseTime(text);
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
