import { describe, expect, it } from "vitest";
import { ExpectedRewards } from "../../../src/bandit/expected-rewards.ts";

const hourMs = 3_600_000;

describe("what an outcome is expected to be", () => {
  it("is its cell's mean, of a cell with less than ten outcomes what comes", () => {
    const expected = new ExpectedRewards();
    const push = (cell: string, reward: number, weight = 1) =>
      expected.push({ cell, atMs: 0, reward, weight });
    expect(push("a", 0.8)).toBe(0.8);
    for (let round = 0; round < 999; round += 1) push("a", 0.8);
    expect(push("a", 0)).toBeCloseTo(0.8, 6);
    for (let round = 0; round < 10; round += 1) expect(push("b", round / 10)).toBe(round / 10);
    expect(push("b", 0.2)).toBeCloseTo(0.45, 9);
    expect(push("a", 0.8)).toBeCloseTo(800 / 1001, 9);
  });

  it("takes the hours of earlier days into account, not those of today", () => {
    const expected = new ExpectedRewards();
    const level = (hour: number) => (hour % 24 < 12 ? 0.6 : 0.4);
    const dayFrom = (start: number) => {
      const answers: number[] = [];
      for (let hour = start; hour < start + 24; hour += 1) {
        for (let round = 0; round < 500; round += 1) {
          answers.push(
            expected.push({ cell: "a", atMs: hour * hourMs, reward: level(hour), weight: 1 }),
          );
        }
      }
      return answers;
    };
    const errorOf = (answers: readonly number[]) =>
      Math.max(...answers.map((answer, at) => Math.abs(answer - level(Math.floor(at / 500)))));
    // The first afternoon nobody knows that it is one.
    expect(errorOf(dayFrom(0))).toBeGreaterThan(0.19);
    for (let day = 1; day < 8; day += 1) dayFrom(24 * day);
    expect(errorOf(dayFrom(24 * 8))).toBeLessThan(0.05);
  });

  it("after a restart it is the mean since, at the hours that were known", () => {
    const expected = new ExpectedRewards();
    const push = (hour: number, reward: number) =>
      expected.push({ cell: "a", atMs: hour * hourMs, reward, weight: 1 });
    const dayOf = (day: number, factor: number) => {
      for (let at = 0; at < 24 * 500; at += 1) {
        const hour = 24 * day + Math.floor(at / 500);
        push(hour, factor * (hour % 24 < 12 ? 0.6 : 0.4));
      }
    };
    for (let day = 0; day < 9; day += 1) dayOf(day, 1);
    expected.restart();
    for (let round = 0; round < 500; round += 1) push(24 * 9, 0.5);
    expect(push(24 * 9, 0.5)).toBeCloseTo(0.5, 2);
    // A tenth lower than it was, in the morning: so it is expected to be in the afternoon.
    expect(push(24 * 9 + 13, 0.3)).toBeCloseTo(0.3, 1);
  });
});
