import { InvalidArgumentError } from "commander";

const pattern =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * A date, or a date with a time; UTC unless it says otherwise.
 * @returns milliseconds since the Unix epoch
 */
export function timeOption(text: string): number {
  const [, date, time = "00:00", zone = "Z"] = pattern.exec(text.trim()) ?? [];
  const value = date === undefined ? Number.NaN : Date.parse(`${date}T${time}${zone}`);
  if (Number.isNaN(value)) {
    throw new InvalidArgumentError(
      "It must be a time such as 2026-11-23 or 2026-11-23T14:30:00Z (UTC).",
    );
  }
  return value;
}
