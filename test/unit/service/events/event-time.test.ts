import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatEventTime, parseEventTime } from "../../../../src/service/events/event-time.ts";
import { forAll } from "../../../support/for-all.ts";

describe("event time", () => {
  it("has ClickHouse's form, in UTC, to the millisecond", () => {
    expect(formatEventTime(0)).toBe("1970-01-01 00:00:00.000");
    expect(formatEventTime(1_700_000_000_007)).toBe("2023-11-14 22:13:20.007");
    expect(formatEventTime(1_700_000_000_070)).toBe("2023-11-14 22:13:20.070");
  });

  it("reads back what it wrote, in any order of times", () =>
    forAll([fc.array(fc.integer({ min: 0, max: 4e12 }))], (times) => {
      for (const time of times) expect(parseEventTime(formatEventTime(time))).toBe(time);
    }));
});
