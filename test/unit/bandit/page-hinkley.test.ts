import { describe, expect, it } from "vitest";
import {
  PageHinkley,
  type PageHinkleyAlarm,
  type PageHinkleyOptions,
  pageHinkleyDefaults,
} from "../../../src/bandit/page-hinkley.ts";
import { adaptiveReference } from "../../fixtures/reference/adaptive-reference.ts";
import { relativeError } from "../../fixtures/reference/statistics-reference.ts";

type Outcome = readonly [value: number, weight: number];

/** Every alarm with the index of the outcome that raised it. */
function alarmsOf(
  options: PageHinkleyOptions,
  outcomes: readonly Outcome[],
): (PageHinkleyAlarm & { readonly index: number })[] {
  const detector = new PageHinkley(options);
  return outcomes.flatMap(([value, weight], index) => {
    const alarm = detector.push(value, weight);
    return alarm === undefined ? [] : [{ ...alarm, index }];
  });
}

/** `before` outcomes of one mean, then `after` of another, without noise. */
function step(means: readonly [number, number], before: number, after: number): Outcome[] {
  return Array.from({ length: before + after }, (_, index) => [means[index < before ? 0 : 1], 1]);
}

const cases = adaptiveReference.page_hinkley;

describe("PageHinkley", () => {
  it("finds what the definition finds, sums and minima over the whole past", () => {
    expect(cases.map((one) => one.alarms.length)).toEqual([2, 1]);
    for (const { values, weights, tolerance, threshold, weight_min, alarms } of cases) {
      const found = alarmsOf(
        { direction: "both", tolerance, threshold, weightMin: weight_min },
        values.map((value, index) => [value, weights[index] as number]),
      );
      expect(found).toHaveLength(alarms.length);
      found.forEach((alarm, index) => {
        const expected = alarms[index] as (typeof alarms)[number];
        expect(alarm.index).toBe(expected.index);
        expect(alarm.direction).toBe(expected.direction);
        expect(alarm.changeIndex).toBe(expected.change_index);
        expect(alarm.observations).toBe(expected.observations);
        expect(relativeError(alarm.meanBefore, expected.mean_before)).toBeLessThan(1e-10);
        expect(relativeError(alarm.meanSince, expected.mean_since)).toBeLessThan(1e-10);
      });
    }
  });

  it("finds something else with another tolerance (negative control)", () => {
    for (const { values, weights, tolerance, threshold, weight_min, alarms } of cases) {
      const found = alarmsOf(
        { direction: "both", tolerance: tolerance + 0.01, threshold, weightMin: weight_min },
        values.map((value, index) => [value, weights[index] as number]),
      );
      expect(found.map((alarm) => alarm.index)).not.toEqual(alarms.map((alarm) => alarm.index));
    }
  });

  it("says what changed, by how much and since when", () => {
    const [alarm, ...more] = alarmsOf(pageHinkleyDefaults, step([0.8, 0.5], 300, 300));
    expect(more).toEqual([]);
    expect(alarm?.direction).toBe("decrease");
    expect(alarm?.changeIndex).toBe(300);
    expect(alarm?.meanBefore).toBeCloseTo(0.8, 12);
    expect(alarm?.meanSince).toBeCloseTo(0.5, 12);
    expect(alarm?.observations).toBe((alarm?.index ?? 0) + 1);
    // 30 / (0.3 − 0.03), a little more because the mean follows.
    expect(alarm?.index).toBeGreaterThan(300 + 111);
    expect(alarm?.index).toBeLessThan(300 + 160);
  });

  it("looks only where it is told to", () => {
    const fall = step([0.8, 0.4], 300, 300);
    const rise = step([0.4, 0.8], 300, 300);
    const directions = (direction: PageHinkleyOptions["direction"], outcomes: Outcome[]) =>
      alarmsOf({ ...pageHinkleyDefaults, direction }, outcomes).map((alarm) => alarm.direction);
    expect(directions("decrease", fall)).toEqual(["decrease"]);
    expect(directions("decrease", rise)).toEqual([]);
    expect(directions("increase", rise)).toEqual(["increase"]);
    expect(directions("increase", fall)).toEqual([]);
    expect(directions("both", [...fall, ...step([0.4, 0.8], 300, 300)])).toEqual([
      "decrease",
      "increase",
    ]);
  });

  it("keeps still for ever about a shift smaller than the tolerance", () => {
    expect(alarmsOf(pageHinkleyDefaults, step([0.5, 0.475], 5000, 50_000))).toEqual([]);
    expect(alarmsOf(pageHinkleyDefaults, step([0.5, 0.44], 5000, 50_000))).toHaveLength(1);
  });

  it("raises no alarm before the least weight, and takes the mean from it", () => {
    const options = { ...pageHinkleyDefaults, threshold: 0.5, weightMin: 50 };
    const [alarm] = alarmsOf(options, step([1, 0], 10, 90));
    // Until then the mean has fallen to 0.2; the rest of the fall is below it.
    expect(alarm?.index).toBeGreaterThanOrEqual(50);
    expect(alarm?.changeIndex).toBeGreaterThanOrEqual(50);
    expect(alarm?.meanBefore).toBeLessThan(0.21);
  });

  it("takes an outcome of half the weight for half an outcome", () => {
    const whole = step([0.8, 0.5], 400, 400);
    const [alarm] = alarmsOf(pageHinkleyDefaults, whole);
    const [halves] = alarmsOf(
      pageHinkleyDefaults,
      whole.flatMap(([value]): Outcome[] => [
        [value, 0.5],
        [value, 0.5],
      ]),
    );
    expect(halves?.changeIndex).toBe(2 * (alarm?.changeIndex ?? 0));
    expect(Math.abs((halves?.observations ?? 0) / 2 - (alarm?.observations ?? 0))).toBeLessThan(1);
  });

  it("starts anew after an alarm: index and mean count from there", () => {
    const alarms = alarmsOf(pageHinkleyDefaults, [
      ...step([0.9, 0.5], 300, 500),
      ...step([0.9, 0.9], 0, 300),
    ]);
    expect(alarms.map((alarm) => alarm.direction)).toEqual(["decrease", "increase"]);
    const [first, second] = alarms;
    expect(second?.changeIndex).toBe(800 - (first?.index ?? 0) - 1);
    expect(second?.meanBefore).toBeCloseTo(0.5, 12);
  });

  it("compares with what was expected, and says what the outcomes since were expected to be", () => {
    const values = step([0.8, 0.5], 300, 200).map(([value], index) => ({
      value,
      expected: index < 300 ? 0.8 : 0.78,
    }));
    const detector = new PageHinkley();
    const alarms = values.flatMap(({ value, expected }) => detector.push(value, 1, expected) ?? []);
    expect(alarms[0]).toMatchObject({
      direction: "decrease",
      meanBefore: expect.closeTo(0.78, 12),
      meanSince: expect.closeTo(0.5, 12),
      changeIndex: 300,
    });
    // Lower by as much as was expected is no change.
    const calm = new PageHinkley();
    for (const { value } of values) expect(calm.push(value, 1, value)).toBeUndefined();
  });

  it("goes on under other options with what has piled up", () => {
    const detector = new PageHinkley({ ...pageHinkleyDefaults, threshold: 1e6 });
    for (const [value, weight] of step([0.9, 0.5], 300, 200)) detector.push(value, weight);
    detector.options = pageHinkleyDefaults;
    expect(detector.push(0.5, 1)).toMatchObject({ direction: "decrease", changeIndex: 300 });
  });

  it("ignores what is no outcome", () => {
    const detector = new PageHinkley();
    const bad: Outcome[] = [
      [Number.NaN, 1],
      [-0.1, 1],
      [1.1, 1],
      [Number.POSITIVE_INFINITY, 1],
      [0.5, 0],
      [0.5, -1],
      [0.5, 1.1],
      [0.5, Number.NaN],
    ];
    for (const [value, weight] of bad) expect(detector.push(value, weight)).toBeUndefined();
    const [alarm] = alarmsOf(pageHinkleyDefaults, [...bad, ...step([0.9, 0.5], 300, 500)]);
    expect(alarm?.changeIndex).toBe(300);
  });

  it("does not come to be with options that make no sense", () => {
    for (const wrong of [{ tolerance: -0.1 }, { threshold: 0 }, { weightMin: 0 }]) {
      expect(() => new PageHinkley({ ...pageHinkleyDefaults, ...wrong })).toThrow("invariant");
      const notANumber = Object.fromEntries(Object.keys(wrong).map((key) => [key, Number.NaN]));
      expect(() => new PageHinkley({ ...pageHinkleyDefaults, ...notANumber })).toThrow("invariant");
    }
  });
});
