import { describe, expect, it } from "vitest";
import {
  PageHinkley,
  type PageHinkleyAlarm,
  pageHinkleyDefaults,
} from "../../src/bandit/page-hinkley.ts";
import { seededUnit } from "../support/seeded-ids.ts";

/**
 * With fixed seeds a failure is a change of behaviour. Had they been drawn anew, the bound on false alarms of a
 * fair coin would fail by chance less than once in 1,000: 28 alarms are expected and 60 allowed.
 */
const outcomes = 3_000_000;

function falseAlarms(mean: number, options = pageHinkleyDefaults): number {
  const detector = new PageHinkley(options);
  const unit = seededUnit(1);
  let alarms = 0;
  for (let index = 0; index < outcomes; index += 1) {
    if (detector.push(unit() < mean ? 1 : 0, 1) !== undefined) alarms += 1;
  }
  return alarms;
}

interface Detection {
  readonly found: number;
  readonly delayMedian: number;
  readonly changeErrorMedian: number;
}

/** What becomes of a drop after `before` outcomes, within 10,000 more. */
function detect(means: readonly [number, number], before: number): Detection {
  const runs = 500;
  const unit = seededUnit(2);
  const alarms: PageHinkleyAlarm[] = [];
  let early = 0;
  for (let run = 0; run < runs; run += 1) {
    const detector = new PageHinkley({ ...pageHinkleyDefaults, direction: "decrease" });
    let alarm: PageHinkleyAlarm | undefined;
    let index = 0;
    for (; index < before + 10_000 && alarm === undefined; index += 1) {
      alarm = detector.push(unit() < means[index < before ? 0 : 1] ? 1 : 0, 1);
    }
    if (alarm === undefined) continue;
    if (index <= before) early += 1;
    else alarms.push(alarm);
  }
  const median = (numbers: readonly number[]): number =>
    numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
  const delays = alarms.map((alarm) => alarm.observations - before);
  const errors = alarms.map((alarm) => Math.abs(alarm.changeIndex - before));
  return {
    found: alarms.length / (runs - early),
    delayMedian: median(delays),
    changeErrorMedian: median(errors),
  };
}

describe("Page–Hinkley with its defaults", () => {
  it("raises at most one false alarm in 50,000 outcomes, both directions together", () => {
    for (const mean of [0.5, 0.9]) expect(falseAlarms(mean)).toBeLessThan(outcomes / 50_000);
  });

  it("would raise more with a third of the threshold (negative control)", () => {
    const third = { ...pageHinkleyDefaults, threshold: pageHinkleyDefaults.threshold / 3 };
    expect(falseAlarms(0.5, third)).toBeGreaterThan(outcomes / 50_000);
  });

  it.each<[readonly [number, number], number, number]>([
    [[0.5, 0.4], 550, 80],
    [[0.9, 0.72], 250, 25],
  ])(
    "finds a drop by a fifth, %j, after 1,000 outcomes, and where it was",
    (means, delayMax, errorMax) => {
      const { found, delayMedian, changeErrorMedian } = detect(means, 1000);
      expect(found).toBeGreaterThan(0.95);
      expect(delayMedian).toBeLessThan(delayMax);
      expect(changeErrorMedian).toBeLessThan(errorMax);
    },
  );

  it("finds nothing where nothing drops", () => {
    expect(detect([0.5, 0.5], 1000).found).toBeLessThan(0.1);
  });
});
