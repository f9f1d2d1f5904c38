import { describe, expect, it } from "vitest";
import { BestProbability } from "../../../src/numerics/best-probability.ts";
import {
  type BestProbabilityCase,
  readReference,
} from "../../fixtures/reference/read-reference.ts";

const cases = readReference<BestProbabilityCase[]>("best-probability.json");
type Arms = BestProbabilityCase["arms"];

function bestProbabilities(arms: Arms): Float64Array {
  const best = new BestProbability(arms.length);
  arms.forEach(([alpha, beta], arm) => {
    best.setArm(arm, { alpha, beta });
  });
  return best.probabilities();
}

function largestError(reference: BestProbabilityCase, actual: ArrayLike<number>): number {
  return Math.max(
    ...reference.best_probability.map((value, arm) => Math.abs((actual[arm] as number) - value)),
  );
}

describe("BestProbability", () => {
  for (const reference of cases) {
    it(`${reference.name}: within 1e-7 of the reference, and adds up to 1`, () => {
      const actual = bestProbabilities(reference.arms);
      // What is promised is 1e-6; a tenth of it keeps the promise with room.
      expect(largestError(reference, actual)).toBeLessThan(1e-7);
      expect(Math.abs(actual.reduce((sum, value) => sum + value, 0) - 1)).toBeLessThan(1e-12);
    });
  }

  it("misses the references when one shape is off by 1e-5 (negative control)", () => {
    const sensitive = cases.filter((one) =>
      one.best_probability.some((value) => value > 0.05 && value < 0.95),
    );
    expect(sensitive.length).toBeGreaterThan(10);
    for (const reference of sensitive) {
      const favourite = reference.best_probability.indexOf(Math.max(...reference.best_probability));
      const perturbed = reference.arms.map(([alpha, beta], arm) =>
        arm === favourite ? ([alpha * 1.00001, beta] as const) : ([alpha, beta] as const),
      );
      expect(largestError(reference, bestProbabilities(perturbed))).toBeGreaterThan(1e-7);
    }
  });

  it("agrees with the closed form for two arms: P(Beta(2,1) > Beta(1,1)) = 2/3", () => {
    const actual = bestProbabilities([
      [1, 1],
      [2, 1],
    ]);
    expect(Math.abs((actual[1] as number) - 2 / 3)).toBeLessThan(1e-8);
  });

  it("gives equal arms exactly the same probability, wherever they stand", () => {
    for (const count of [2, 3, 7, 100]) {
      const actual = bestProbabilities(Array.from({ length: count }, () => [0.5, 1e7] as const));
      for (const value of actual) expect(value).toBe(1 / count);
    }
    const mixed = bestProbabilities([
      [5, 9],
      [3, 1],
      [5, 9],
      [1e6, 2e6],
      [5, 9],
    ]);
    expect(mixed[2]).toBe(mixed[0]);
    expect(mixed[4]).toBe(mixed[0]);
  });

  it("gives a single arm everything", () => {
    expect([...bestProbabilities([[3, 4]])]).toEqual([1]);
  });
});
