import { gammaKernel, gammaTails } from "./gamma-tails.ts";
import { logGammaOfOnePlus } from "./log-gamma.ts";
import { normalQuantile } from "./normal.ts";
import { isShape } from "./shape-range.ts";
import { findTailRoot, logExcess } from "./tail-root.ts";
import { uniformDeviation } from "./uniform-expansion.ts";

/**
 * The x with P(X ≤ x) = p for X ~ Gamma(shape, rate 1). p = 0 → 0, 1 → Infinity; NaN outside [0,1] and
 * for a shape that is none ({@link isShape}). Rounded to 0 where it is below the smallest number (p = 1e-10,
 * shape = 0.01).
 */
export function gammaQuantile(p: number, shape: number): number {
  return p > 0.5
    ? quantileOf({ tail: "upper", mass: 1 - p }, shape)
    : quantileOf({ tail: "lower", mass: p }, shape);
}

/** The x with P(X > x) = q: {@link gammaQuantile}(1 − q) without that subtraction's loss. */
export function gammaUpperQuantile(q: number, shape: number): number {
  return q > 0.5
    ? quantileOf({ tail: "lower", mass: 1 - q }, shape)
    : quantileOf({ tail: "upper", mass: q }, shape);
}

function quantileOf(
  side: { readonly tail: "lower" | "upper"; readonly mass: number },
  shape: number,
): number {
  const { tail, mass } = side;
  if (!(mass >= 0 && isShape(shape))) return Number.NaN;
  if (mass === 0) return tail === "lower" ? 0 : Number.POSITIVE_INFINITY;
  const sign = tail === "lower" ? 1 : -1;
  // P(x) ≤ x^a/Γ(a + 1), so this is never above the quantile, and equal to it where it is tiny.
  const logMass = tail === "lower" ? Math.log(mass) : Math.log1p(-mass);
  const low = Math.exp((logMass + logGammaOfOnePlus(shape)) / shape);
  if (low < 1e-300) return low;
  return findTailRoot({
    tail,
    start: start(sign * normalQuantile(mass), shape),
    low: low * (1 - 1e-12),
    high: Number.POSITIVE_INFINITY,
    fitAt: (x) => {
      const value = gammaTails(x, shape)[tail];
      const slope = (sign * gammaKernel(x, shape)) / value;
      return { excess: logExcess(value, mass), slope, bend: shape - x - slope };
    },
  });
}

/** By the uniform expansion; for shapes below 1 the lower bound is nearer, for which 0 stands. */
function start(z: number, shape: number): number {
  if (shape < 1) return 0;
  const w = Math.min(Math.max(z / Math.sqrt(shape), -1.5), 2);
  return shape * (1 + uniformDeviation(0, w));
}
