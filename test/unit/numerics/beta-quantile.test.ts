import { describe, expect, it } from "vitest";
import { betaQuantile } from "../../../src/numerics/beta-quantile.ts";
import { type BetaCase, readReference } from "../../fixtures/reference/read-reference.ts";

const cases = readReference<BetaCase[]>("beta-distribution.json");
type Quantile = typeof betaQuantile;

function standardDeviation(alpha: number, beta: number): number {
  const n = alpha + beta;
  return Math.sqrt(((alpha / n) * (beta / n)) / (n + 1));
}

/** Largest error over a regime, in standard deviations of the distribution. */
function worstError(regime: string, quantile: Quantile): number {
  let worst = 0;
  for (const { alpha, beta, quantiles } of cases.filter((one) => one.regime === regime)) {
    for (const [probability, value] of quantiles) {
      const error = Math.abs(quantile(probability, { alpha, beta }) - value);
      worst = Math.max(worst, error / standardDeviation(alpha, beta));
    }
  }
  return worst;
}

describe("betaQuantile against SciPy", () => {
  const bounds: Record<string, number> = {
    smallest: 5e-8,
    one: 1e-7,
    moderate: 2e-7,
    mixed: 1e-6,
    large: 5e-8,
  };
  const perturbed: Quantile = (probability, shape) => betaQuantile(probability + 2e-6, shape);

  for (const [regime, bound] of Object.entries(bounds)) {
    it(`${regime} shapes: within ${bound} standard deviations`, () => {
      expect(worstError(regime, betaQuantile)).toBeLessThan(bound);
    });

    it(`${regime} shapes: a probability that is off by 2e-6 does not pass (negative control)`, () => {
      expect(worstError(regime, perturbed)).toBeGreaterThan(bound);
    });
  }

  it("is within a relative 1e-8 where jstat answers", () => {
    for (const { alpha, beta, quantiles } of cases) {
      if (Math.min(alpha, beta) < 1 || Math.max(alpha, beta) > 1000) continue;
      for (const [probability, value] of quantiles) {
        expect(Math.abs(betaQuantile(probability, { alpha, beta }) / value - 1)).toBeLessThan(1e-8);
      }
    }
  });
});
