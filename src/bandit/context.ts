import type { LinearFeature } from "../domain/policy.ts";

/** Standardised features are cut off here, so that one absurd value cannot outweigh everything learned. */
const standardisedMax = 10;

/**
 * What the linear model sees of a request: 1 for the intercept, then each feature of the policy, in its
 * order, as (value − mean) / scale within ±10; 0, the average, when the request lacks it or it is no number.
 */
export function contextOf(
  features: readonly LinearFeature[],
  given: Readonly<Record<string, number>>,
): number[] {
  const values = features.map(({ name, mean, scale }) => {
    const value = Object.hasOwn(given, name) ? (given[name] as number) : mean;
    const standardised = (value - mean) / scale;
    if (Number.isNaN(standardised)) return 0;
    return Math.min(Math.max(standardised, -standardisedMax), standardisedMax);
  });
  return [1, ...values];
}
