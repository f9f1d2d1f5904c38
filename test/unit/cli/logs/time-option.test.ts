import { describe, expect, it } from "vitest";
import { timeOption } from "../../../../src/cli/logs/time-option.ts";

describe("a time on the command line", () => {
  it.each([
    ["2026-11-23", "2026-11-23T00:00:00.000Z"],
    ["2026-11-23T14:30", "2026-11-23T14:30:00.000Z"],
    ["2026-11-23 14:30:05", "2026-11-23T14:30:05.000Z"],
    ["2026-11-23T14:30:05.25Z", "2026-11-23T14:30:05.250Z"],
    ["2026-11-23T14:30:00+02:00", "2026-11-23T12:30:00.000Z"],
    [" 2026-11-23 ", "2026-11-23T00:00:00.000Z"],
  ])("%s is %s, UTC unless it says otherwise", (text, expected) => {
    expect(new Date(timeOption(text)).toISOString()).toBe(expected);
  });

  it.each([
    "",
    "yesterday",
    "23.11.2026",
    "2026-13-01",
    "2026-11-23T25:00",
    "1795000000000",
    "2026",
  ])("%j is none", (text) => {
    expect(() => timeOption(text)).toThrow("It must be a time such as 2026-11-23");
  });
});
