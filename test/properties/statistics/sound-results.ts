import { expect } from "vitest";
import type { Result } from "../../../src/statistics/result.ts";

/** Every number anywhere in a value. */
export function numbersIn(value: unknown): number[] {
  if (typeof value === "number") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(numbersIn);
}

export function expectFinite(value: object): void {
  for (const number of numbersIn(value)) expect(number).toSatisfy(Number.isFinite);
}

/**
 * What is refused has a reason; in what is accepted every number is finite, an estimate lies in its interval, and a
 * p-value is one.
 * @returns whether it was accepted
 */
export function expectSound<Value extends object>(
  result: Result<Value>,
): result is { ok: true; value: Value } {
  if (!result.ok) {
    expect(result.refusal.message).not.toBe("");
    return false;
  }
  expectFinite(result.value);
  const numbers = result.value as Record<string, number | undefined>;
  const { estimate = numbers["value"], low, high, pValue } = numbers;
  if (pValue !== undefined) {
    expect(pValue).toBeGreaterThanOrEqual(0);
    expect(pValue).toBeLessThanOrEqual(1);
  }
  if (estimate !== undefined && low !== undefined && high !== undefined) {
    expect(low).toBeLessThanOrEqual(estimate);
    expect(high).toBeGreaterThanOrEqual(estimate);
  }
  return true;
}
