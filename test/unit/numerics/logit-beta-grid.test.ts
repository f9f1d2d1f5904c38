import { describe, expect, it } from "vitest";
import { LogitBetaGrid } from "../../../src/numerics/logit-beta-grid.ts";
import { type BetaCase, readReference } from "../../fixtures/reference/read-reference.ts";

const cases = readReference<BetaCase[]>("beta-distribution.json");

type GridOf = (alpha: number, beta: number) => LogitBetaGrid;
const real: GridOf = (alpha, beta) => new LogitBetaGrid(alpha, beta);
/** Off by one part in 20,000 in one shape: about the smallest mistake worth finding. */
const perturbed: GridOf = (alpha, beta) => new LogitBetaGrid(alpha * 1.00005, beta);

/** Largest absolute error of the distribution function, and of the density in units of 1/scale. */
function worstErrors(regime: string, gridOf: GridOf): { cdf: number; density: number } {
  const worst = { cdf: 0, density: 0 };
  for (const reference of cases.filter((candidate) => candidate.regime === regime)) {
    const grid = gridOf(reference.alpha, reference.beta);
    const count = reference.logit.length;
    const cdf = new Float64Array(count);
    const density = new Float64Array(count);
    grid.evaluate(Float64Array.from(reference.logit), count, cdf, density, 0);
    for (let at = 0; at < count; at += 1) {
      const cdfError = Math.abs((cdf[at] as number) - (reference.cdf[at] as number));
      const densityError = Math.abs(
        (density[at] as number) * grid.scale - (reference.density_times_scale[at] as number),
      );
      worst.cdf = Math.max(worst.cdf, cdfError);
      worst.density = Math.max(worst.density, densityError);
    }
  }
  return worst;
}

describe("LogitBetaGrid against SciPy", () => {
  const bounds: Record<string, { cdf: number; density: number }> = {
    smallest: { cdf: 1e-8, density: 3e-7 },
    one: { cdf: 1e-8, density: 3e-7 },
    moderate: { cdf: 5e-9, density: 2e-7 },
    mixed: { cdf: 5e-8, density: 3e-7 },
    large: { cdf: 5e-9, density: 2e-7 },
  };

  it("has a bound for every regime of the fixture", () => {
    expect(new Set(cases.map((reference) => reference.regime))).toEqual(
      new Set(Object.keys(bounds)),
    );
  });

  for (const [regime, bound] of Object.entries(bounds)) {
    it(`${regime} shapes: distribution function within ${bound.cdf}, density within ${bound.density}`, () => {
      const worst = worstErrors(regime, real);
      expect(worst.cdf).toBeLessThan(bound.cdf);
      expect(worst.density).toBeLessThan(bound.density);
    });

    it(`${regime} shapes: a slightly wrong shape does not pass (negative control)`, () => {
      const worst = worstErrors(regime, perturbed);
      expect(worst.cdf).toBeGreaterThan(bound.cdf);
      expect(worst.density).toBeGreaterThan(bound.density);
    });
  }
});

describe("LogitBetaGrid", () => {
  it("has a distribution function that never falls, from 0 to 1", () => {
    for (const [alpha, beta] of [
      [0.5, 0.5],
      [0.5, 1e7],
      [1e7, 3],
      [1e12, 1e12],
      [40, 2],
    ] as const) {
      const grid = new LogitBetaGrid(alpha, beta);
      const count = 5000;
      const reach = grid.high - grid.low;
      const points = Float64Array.from(
        { length: count },
        (_, at) => grid.low - 0.1 * reach + (1.2 * reach * at) / (count - 1),
      );
      const cdf = new Float64Array(count);
      grid.evaluate(points, count, cdf, new Float64Array(count), 0);
      expect(cdf[0]).toBe(0);
      expect(cdf[count - 1]).toBe(1);
      for (let at = 1; at < count; at += 1) {
        // Interpolation may dip by its own error in the flat tails, not by more.
        expect((cdf[at] as number) - (cdf[at - 1] as number)).toBeGreaterThan(-1e-11);
      }
    }
  });
});
