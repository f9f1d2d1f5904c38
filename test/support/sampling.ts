import { log1pMinus } from "../../src/numerics/log1p-minus.ts";
import { normalQuantile } from "../../src/numerics/normal.ts";
import type { UniformSource } from "../../src/numerics/random-generator.ts";
import { isShape } from "../../src/numerics/shape-range.ts";

/** A standard normal number, from one uniform one by inversion; within ±8.3. */
export function sampleNormal(source: UniformSource): number {
  // The middle of the cell of width 2^−53, so that neither 0 nor 1 is asked for, from the nearer end.
  const uniform = source.next();
  return uniform < 0.5
    ? normalQuantile(uniform + 2 ** -54)
    : -normalQuantile(1 - uniform - 2 ** -54);
}

/**
 * A Gamma(shape, rate 1) number, NaN for a shape that is none ({@link isShape}). 0 where the number is below the
 * smallest one, which for a shape of 0.001 is half of the time.
 */
export function sampleGamma(source: UniformSource, shape: number): number {
  return Math.exp(sampleLogGamma(source, shape));
}

/**
 * A Beta(alpha, beta) number in [0,1], NaN for shapes that are none. Exactly 0 or 1 where no other
 * number is nearer: for shapes of 0.01 that is a third of the draws, and right.
 */
export function sampleBeta(
  source: UniformSource,
  shape: { readonly alpha: number; readonly beta: number },
): number {
  // The ratio in logs: with shapes far below 1 both gammas underflow, and 0/0 is no number.
  const first = sampleLogGamma(source, shape.alpha);
  const second = sampleLogGamma(source, shape.beta);
  return 1 / (1 + Math.exp(second - first));
}

/**
 * ln of a Gamma(shape) number: Marsaglia & Tsang (2000, "A simple method for generating gamma
 * variables"); below shape 1 their boost, Gamma(shape) = Gamma(shape + 1)·U^(1/shape), in logs.
 */
function sampleLogGamma(source: UniformSource, shape: number): number {
  if (!isShape(shape)) return Number.NaN;
  if (shape < 1) {
    const boosted = sampleLogGamma(source, shape + 1);
    return boosted + Math.log(1 - source.next()) / shape;
  }
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const z = sampleNormal(source);
    const u = c * z;
    if (u <= -1) continue;
    // v = (1 + u)³; ln v − v + 1 from v − 1, which for large shapes is all that differs from draw to draw.
    const growth = u * (3 + u * (3 + u));
    const logUniform = Math.log(1 - source.next());
    if (logUniform < 0.5 * z * z + d * log1pMinus(growth)) return Math.log(d * (1 + growth));
  }
}
