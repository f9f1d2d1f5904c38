import { describe, expect, it } from "vitest";
import {
  type BestArmResult,
  bestArmBeta,
  bestArmNormal,
} from "../../../src/statistics/best-arm.ts";
import type { RefusalReason } from "../../../src/statistics/result.ts";
import { accepted, reasonOf } from "../../fixtures/reference/statistics-reference.ts";

/** Posteriors of so many `[alpha, beta]`. */
const shapes = (...arms: [number, number][]) => arms.map(([alpha, beta]) => ({ alpha, beta }));

/** Posteriors of so many `[mean, standardDeviation]`. */
const normals = (...arms: [number, number][]) =>
  arms.map(([mean, standardDeviation]) => ({ mean, standardDeviation }));

describe("bestArmBeta", () => {
  it("has the closed form of one success against none: 2/3, and losses 1/12 and 1/4", () => {
    const [prior, success] = accepted(bestArmBeta(shapes([1, 1], [2, 1]))) as [
      BestArmResult,
      BestArmResult,
    ];
    expect(success.bestProbability).toBeCloseTo(2 / 3, 7);
    // E[max] = ∫ 1 − x·x² dx = 3/4.
    expect(success.expectedLoss).toBeCloseTo(3 / 4 - 2 / 3, 7);
    expect(prior.expectedLoss).toBeCloseTo(3 / 4 - 1 / 2, 7);
  });

  it.each<[string, { alpha: number; beta: number }[], RefusalReason]>([
    ["no arm", [], "empty"],
    ["one arm", shapes([1, 1]), "too_few"],
    ["101 arms", shapes(...Array(101).fill([1, 1])), "out_of_range"],
    ["NaN", shapes([1, 1], [Number.NaN, 1]), "not_finite"],
    ["an infinite shape", shapes([1, Infinity], [1, 1]), "not_finite"],
    ["a shape below ½", shapes([1, 0.4], [1, 1]), "out_of_range"],
    ["a shape above 1e12", shapes([1e13, 1], [1, 1]), "out_of_range"],
  ])("refuses %s", (_, arms, reason) => {
    expect(reasonOf(bestArmBeta(arms))).toBe(reason);
  });

  it("names the arm and the shape that is wrong", () => {
    const result = bestArmBeta(shapes([1, 1], [1, -2]));
    expect(result).toEqual({
      ok: false,
      refusal: {
        reason: "out_of_range",
        message: "the beta of arm 1 must be from 0.5 to 1000000000000, not -2",
      },
    });
  });
});

describe("bestArmNormal", () => {
  it("has the closed form of two arms: Φ(d/s), and a loss of s·φ(d/s) − d·Φ(−d/s)", () => {
    const [low, high] = accepted(bestArmNormal(normals([0, 3], [5, 4]))) as [
      BestArmResult,
      BestArmResult,
    ];
    // d = s = 5: Φ(1) = 0.8413447460685429, φ(1) = 0.24197072451914337.
    expect(high.bestProbability).toBeCloseTo(0.8413447460685429, 7);
    expect(high.expectedLoss).toBeCloseTo(5 * 0.24197072451914337 - 5 * 0.15865525393145707, 6);
    expect(low.expectedLoss - high.expectedLoss).toBeCloseTo(5, 9);
  });

  it.each<[string, { mean: number; standardDeviation: number }[], RefusalReason]>([
    ["no arm", [], "empty"],
    ["one arm", normals([1, 1]), "too_few"],
    ["zero variance", normals([1, 1], [0, 0]), "zero_variance"],
    ["next to no variance", normals([1, 1], [1e6, 1e-7]), "zero_variance"],
    ["a negative deviation", normals([1, 1], [1, -1]), "out_of_range"],
    ["an infinite mean", normals([-Infinity, 1], [1, 1]), "not_finite"],
    ["NaN", normals([0, Number.NaN], [1, 1]), "not_finite"],
    ["a mean beyond 1e100", normals([1e101, 1e100], [1, 1]), "out_of_range"],
  ])("refuses %s", (_, arms, reason) => {
    expect(reasonOf(bestArmNormal(arms))).toBe(reason);
  });
});
