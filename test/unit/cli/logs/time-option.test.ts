import { describe, expect, it } from "vitest";
import { durationOption, timeOption } from "../../../../src/cli/logs/time-option.ts";

const nowMs = Date.parse("2026-12-01T02:03:04.005Z");

describe("a time on the command line", () => {
  it.each([
    ["2026-11-23", "2026-11-23T00:00:00.000Z"],
    ["2026-11-23T14:30", "2026-11-23T14:30:00.000Z"],
    ["2026-11-23 14:30:05", "2026-11-23T14:30:05.000Z"],
    ["2026-11-23T14:30:05.25Z", "2026-11-23T14:30:05.250Z"],
    ["2026-11-23T14:30:00+02:00", "2026-11-23T12:30:00.000Z"],
    [" 2026-11-23 ", "2026-11-23T00:00:00.000Z"],
    ["today", "2026-12-01T00:00:00.000Z"],
    ["yesterday", "2026-11-30T00:00:00.000Z"],
  ])("%s is %s, UTC unless it says otherwise", (text, expected) => {
    expect(new Date(timeOption(text)(nowMs)).toISOString()).toBe(expected);
  });

  it.each([
    "",
    "tomorrow",
    "toString",
    "23.11.2026",
    "2026-13-01",
    "2026-11-23T25:00",
    "1795000000000",
    "2026",
  ])("%j is none", (text) => {
    expect(() => timeOption(text)).toThrow("It must be a time such as 2026-11-23");
  });
});

describe("a duration on the command line", () => {
  it.each([
    ["45s", 45],
    ["90m", 5400],
    ["12h", 43_200],
    ["7d", 604_800],
    [" 2w ", 1_209_600],
    ["3650d", 315_360_000],
  ])("%s is %d seconds", (text, seconds) => {
    expect(durationOption(text)).toBe(seconds * 1000);
  });

  it.each(["", "7", "d", "0d", "-1d", "1.5h", "7 d", "7D", "3651d", "1e3s", "7days"])(
    "%j is none",
    (text) => {
      expect(() => durationOption(text)).toThrow("It must be a duration such as 90m, 12h, 7d");
    },
  );
});
