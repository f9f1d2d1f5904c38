import { describe, expect, it } from "vitest";
import { ExpectedRewards } from "../../src/bandit/expected-rewards.ts";
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

/** Cell and mean reward of a task at a moment, in days. */
type World = (day: number, unit: () => number) => readonly [cell: string, mean: number];

const dayMs = 86_400_000;
const swing = (day: number) => Math.sin(2 * Math.PI * day);
/** The mean over all tasks swings by ±.10 every day. */
const swingingMix: World = (day, unit) =>
  unit() < 0.5 + swing(day) / 3 ? ["easy", 0.65] : ["hard", 0.35];
const swingingRewards: World = (day) => ["only", 0.5 + 0.1 * swing(day)];

/** Outcome numbers of the alarms, when from outcome `dropAt` on everything earns a fifth less. */
function alarmsIn(
  world: World,
  options: { perDay: number; days: number; explained: boolean; dropAt?: number; seed?: number },
): number[] {
  const { perDay, days, explained, dropAt = Number.POSITIVE_INFINITY, seed = 3 } = options;
  const unit = seededUnit(seed);
  const detector = new PageHinkley();
  const expectations = new ExpectedRewards();
  const alarms: number[] = [];
  for (let index = 0; index < perDay * days; index += 1) {
    const day = index / perDay;
    const [cell, mean] = world(day, unit);
    const reward = unit() < mean * (index < dropAt ? 1 : 0.8) ? 1 : 0;
    const expected = expectations.push({ cell, atMs: day * dayMs, reward, weight: 1 });
    if (detector.push(reward, 1, explained ? expected : undefined) === undefined) continue;
    alarms.push(index);
    expectations.restart();
  }
  return alarms;
}

describe("an agent type's mean, of 1,000 and of 10,000 outcomes a day", () => {
  /** About three times as many as on average over ten seeds; while the hours are not yet known they are most of them. */
  it.each([
    ["a mix that swings", swingingMix, 1000, 60, 3],
    ["a mix that swings", swingingMix, 10_000, 12, 6],
    ["rewards that swing", swingingRewards, 1000, 60, 10],
    ["rewards that swing", swingingRewards, 10_000, 12, 18],
  ] as const)("%s, %#: few false alarms", (_, world, perDay, days, most) => {
    const alarmsOf = (explained: boolean) => alarmsIn(world, { perDay, days, explained }).length;
    expect(alarmsOf(true)).toBeLessThanOrEqual(most);
    // Compared with the mean so far, as for one arm: the negative control.
    expect(alarmsOf(false)).toBeGreaterThan(30);
  });

  it.each([
    ["a mix that swings", swingingMix],
    ["rewards that swing", swingingRewards],
  ])(
    "finds a drop by a fifth on the ninth day, %s: half of them within 400 outcomes",
    (_, world) => {
      const dropAt = 8000;
      const delays = Array.from({ length: 100 }, (_, run) => {
        const options = { perDay: 1000, days: 13, explained: true, dropAt, seed: 100 + run };
        const found = alarmsIn(world, options).find((index) => index >= dropAt);
        return (found ?? Number.POSITIVE_INFINITY) - dropAt;
      }).toSorted((a, b) => a - b);
      expect(delays[50]).toBeLessThan(400);
      expect(delays[95]).toBeLessThan(1200);
    },
  );
});
