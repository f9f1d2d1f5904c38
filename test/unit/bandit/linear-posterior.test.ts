import { describe, expect, it } from "vitest";
import { LinearPosterior } from "../../../src/bandit/linear-posterior.ts";
import {
  type LinearPosteriorCase,
  readReference,
} from "../../fixtures/reference/read-reference.ts";

const cases = readReference<LinearPosteriorCase[]>("linear-posterior.json");

function posteriorOf({ prior, products, rewards }: LinearPosteriorCase): LinearPosterior {
  return new LinearPosterior(rewards.length, prior, { epoch: 1, products, rewards });
}

/** Largest error of a mean, in standard deviations, and relative error of a variance. */
function worstErrors(reference: LinearPosteriorCase, posterior: LinearPosterior) {
  const worst = { mean: 0, variance: 0 };
  for (const { context, mean, variance } of reference.answers) {
    const actual = posterior.at(context);
    worst.mean = Math.max(worst.mean, Math.abs(actual.mean - mean) / Math.sqrt(variance));
    worst.variance = Math.max(worst.variance, Math.abs(actual.variance / variance - 1));
  }
  return worst;
}

describe("LinearPosterior against mpmath", () => {
  for (const reference of cases) {
    it(`${reference.name}: mean within 1e-9 standard deviations, variance within 1e-9`, () => {
      const posterior = posteriorOf(reference);
      const worst = worstErrors(reference, posterior);
      expect(worst.mean).toBeLessThan(1e-9);
      expect(worst.variance).toBeLessThan(1e-9);
      posterior.coefficients().forEach((coefficient, at) => {
        expect(coefficient).toBeCloseTo(reference.coefficients[at] as number, 8);
      });
    });

    it(`${reference.name}: a noise that is off by 1e-7 does not pass (negative control)`, () => {
      const noiseStandardDeviation = reference.prior.noiseStandardDeviation * (1 + 1e-7);
      const prior = { ...reference.prior, noiseStandardDeviation };
      const worst = worstErrors(reference, posteriorOf({ ...reference, prior }));
      if (reference.name === "nothing seen") expect(worst.variance).toBeLessThan(1e-9);
      else expect(Math.max(worst.mean, worst.variance)).toBeGreaterThan(1e-9);
    });
  }
});

describe("LinearPosterior", () => {
  const prior = {
    interceptMean: 0.4,
    interceptVariance: 0.5,
    variance: 2,
    noiseStandardDeviation: 0.5,
  };

  it("is the prior before anything was seen", () => {
    const posterior = new LinearPosterior(3, prior, undefined);
    const { mean, variance } = posterior.at([1, 2, -3]);
    expect(mean).toBeCloseTo(0.4, 12);
    expect(variance).toBeCloseTo(0.5 + 2 * 4 + 2 * 9, 12);
  });

  it("never says more than the prior did about its own uncertainty, whatever the sums", () => {
    const impossible = [
      { products: [1, 1e9, 1, 1, 1e9, 1], rewards: [1, 1, 1] },
      { products: [0, 1e300, 1e300, 0, 1e300, 0], rewards: [1e300, -1e300, 1e300] },
      { products: [-5, 0, 0, -5, 0, -5], rewards: [1, 1, 1] },
      { products: [1e308, 1e308, 1e308, 1e308, 1e308, 1e308], rewards: [1e308, 1e308, 1e308] },
      { products: [1e12, 1e12, 1e12, 1e12, 1e12, 1e12], rewards: [5e11, 5e11, 5e11] },
    ];
    for (const sums of impossible) {
      const posterior = new LinearPosterior(3, prior, { epoch: 1, ...sums });
      for (const context of [
        [1, 0, 0],
        [1, 10, -10],
      ]) {
        const { mean, variance } = posterior.at(context);
        expect(Number.isFinite(mean)).toBe(true);
        expect(variance).toBeGreaterThan(0);
        const { variance: most } = new LinearPosterior(3, prior, undefined).at(context);
        expect(variance).toBeLessThanOrEqual(most * (1 + 1e-12));
      }
    }
  });

  it("keeps the mean of more evidence than it can tell apart", () => {
    const posterior = new LinearPosterior(2, prior, {
      epoch: 1,
      products: [1e300, 0, 1e300],
      rewards: [7e299, 0],
    });
    expect(posterior.at([1, 0]).mean).toBeCloseTo(0.7, 9);
  });
});
