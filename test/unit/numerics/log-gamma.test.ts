import { describe, expect, it } from "vitest";
import {
  logBeta,
  logGamma,
  logGammaOfOnePlus,
  logGammaRise,
  stirlingError,
} from "../../../src/numerics/log-gamma.ts";
import { log1pMinus } from "../../../src/numerics/log1p-minus.ts";

function relativeError(actual: number, expected: number): number {
  return Math.abs(actual / expected - 1);
}

const euler = 0.5772156649015329;

describe("logGamma and logBeta", () => {
  it("are infinite at their poles and NaN outside", () => {
    expect(logGamma(0)).toBe(Number.POSITIVE_INFINITY);
    expect(logBeta(0, 3)).toBe(Number.POSITIVE_INFINITY);
    expect(logBeta(3, Number.POSITIVE_INFINITY)).toBe(Number.NEGATIVE_INFINITY);
    for (const bad of [-1, Number.NaN, Number.NEGATIVE_INFINITY]) {
      expect(logGamma(bad)).toBeNaN();
      expect(logBeta(bad, 1)).toBeNaN();
      expect(logBeta(1, bad)).toBeNaN();
    }
    expect(logBeta(0, Number.POSITIVE_INFINITY)).toBeNaN();
  });

  it("keep the digits of an argument that 1 + x would round away", () => {
    for (const x of [1e-300, 1e-20, 1e-10]) {
      expect(relativeError(logGammaOfOnePlus(x), -euler * x)).toBeLessThan(1e-9);
    }
    expect(relativeError(logGammaOfOnePlus(3.5), Math.log(11.631728396567448))).toBeLessThan(1e-15);
  });
});

describe("logGammaRise", () => {
  it("is ln x for a rise of 1, and a sum over two rises", () => {
    for (const x of [1e-3, 0.7, 3, 42, 1e7, 1e12]) {
      expect(Math.abs(logGammaRise(x, 1) - Math.log(x))).toBeLessThan(
        4e-15 * (1 + Math.abs(Math.log(x))),
      );
      const both = logGammaRise(x, 0.3) + logGammaRise(x + 0.3, 7);
      expect(relativeError(both, logGammaRise(x, 7.3))).toBeLessThan(1e-14);
    }
  });

  it("is the rise times the digamma function for a tiny rise, at any x", () => {
    // ψ(1) = −γ; ψ(x) ≈ ln x − 1/(2x) − 1/(12x²) for large x.
    expect(relativeError(logGammaRise(1, 1e-12), -euler * 1e-12)).toBeLessThan(1e-11);
    const x = 1e6;
    const digamma = Math.log(x) - 1 / (2 * x) - 1 / (12 * x * x);
    expect(relativeError(logGammaRise(x, 1e-9), digamma * 1e-9)).toBeLessThan(1e-14);
    // The difference of the two terms has none of these digits (negative control).
    expect(relativeError(logGamma(x + 1e-9) - logGamma(x), digamma * 1e-9)).toBeGreaterThan(1e-4);
  });
});

describe("stirlingError", () => {
  it("is what Stirling's formula leaves over", () => {
    const x = 11;
    const formula = (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI);
    expect(Math.abs(Math.log(3628800) - formula - stirlingError(x))).toBeLessThan(1e-14);
  });
});

describe("log1pMinus", () => {
  it("is −u²/2 + u³/3 − … near 0, where the difference of its terms loses half of its digits", () => {
    for (const u of [1e-3, -1e-3, 1e-8, -1e-150]) {
      const series = u * u * (-1 / 2 + u * (1 / 3 + u * (-1 / 4 + u * (1 / 5 - u / 6))));
      expect(relativeError(log1pMinus(u), series)).toBeLessThan(1e-14);
    }
    // The negative control.
    expect(relativeError(Math.log1p(1e-8) - 1e-8, log1pMinus(1e-8))).toBeGreaterThan(1e-9);
  });

  it("is the difference of its terms elsewhere, without a step where the method changes", () => {
    for (const u of [-0.99, -0.5000001, -0.4999999, 0.5999999, 0.6000001, 5, 1e9]) {
      expect(relativeError(log1pMinus(u), Math.log1p(u) - u)).toBeLessThan(5e-15);
    }
    expect(log1pMinus(-1)).toBe(Number.NEGATIVE_INFINITY);
  });
});
