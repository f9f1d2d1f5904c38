import { expect } from "vitest";

/**
 * What a rate measured over so many runs stays below in all but one of a thousand cases, if it truly is `rate`
 * (normal approximation of the binomial).
 */
export function rateMax(rate: number, runs: number): number {
  return rate + 3.09 * Math.sqrt((rate * (1 - rate)) / runs);
}

/** And what it stays above. */
export function rateMin(rate: number, runs: number): number {
  return rate - 3.09 * Math.sqrt((rate * (1 - rate)) / runs);
}

/** A rate measured over so many runs is truly between these, as far as such bounds can tell. */
export function expectRate(measured: number, runs: number, [min, max]: readonly [number, number]) {
  expect(measured).toBeGreaterThan(rateMin(min, runs));
  expect(measured).toBeLessThan(rateMax(max, runs));
}
