const pattern =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?)(Z| UTC|[+-]\d{2}(?::?\d{2})?)?)?$/;

/**
 * A date, or a date with a time, in ISO 8601 or as Postgres prints it (`2026-12-01 02:41:52.123456+00`); UTC unless it
 * says otherwise. What is finer than a millisecond is cut off.
 * @returns milliseconds since the Unix epoch; undefined for what is no time, also for a day that the month has not
 */
export function parseTime(text: string): number | undefined {
  const [, date, time = "00:00", , zone = "Z"] = pattern.exec(text) ?? [];
  if (date === undefined) return undefined;
  // Date.parse makes 3 March of 31 February.
  const midnight = new Date(`${date}T00:00Z`);
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(date))
    return undefined;
  const value = Date.parse(`${date}T${time}${isoZone(zone)}`);
  return Number.isNaN(value) ? undefined : value;
}

function isoZone(zone: string): string {
  if (zone === "Z" || zone === " UTC") return "Z";
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}
