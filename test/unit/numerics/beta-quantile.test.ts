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
  /** In standard deviations; SciPy's own quantiles are not known better. */
  const bound = 1e-9;
  const perturbed: Quantile = (probability, shape) => betaQuantile(probability + 5e-9, shape);

  for (const regime of ["smallest", "one", "moderate", "mixed", "large"]) {
    it(`${regime} shapes: within ${bound} standard deviations`, () => {
      expect(worstError(regime, betaQuantile)).toBeLessThan(bound);
    });

    it(`${regime} shapes: a probability that is off by 5e-9 does not pass (negative control)`, () => {
      expect(worstError(regime, perturbed)).toBeGreaterThan(bound);
    });
  }

  it("is within a relative 1e-12 of it at every shape", () => {
    for (const { alpha, beta, quantiles } of cases) {
      for (const [probability, value] of quantiles) {
        expect(Math.abs(betaQuantile(probability, { alpha, beta }) / value - 1)).toBeLessThan(
          1e-12,
        );
      }
    }
  });
});
