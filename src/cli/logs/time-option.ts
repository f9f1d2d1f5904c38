import { InvalidArgumentError } from "commander";

const pattern =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/;
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

/** {@link parseTime} as a parser of commander. */
export function timeOption(text: string): number {
  const value = parseTime(text);
  if (value !== undefined) return value;
  throw new InvalidArgumentError(
    "It must be a time such as 2026-11-23 or 2026-11-23T14:30:00Z (UTC).",
  );
}
