import {
  type BetaPoint,
  betaKernel,
  betaPointAt,
  betaTails,
  logBetaTimesFirst,
  mirrored,
} from "./beta-tails.ts";
import { normalQuantile } from "./normal.ts";
import { isShape } from "./shape-range.ts";
import { findTailRoot, logExcess } from "./tail-root.ts";
import { uniformDeviation } from "./uniform-expansion.ts";

interface BetaShape {
  readonly alpha: number;
  readonly beta: number;
}

/** A mass to be found below (`lower`) or above (`upper`) a quantile, at most about ½. */
export interface TailMass {
  readonly tail: "lower" | "upper";
  readonly mass: number;
}

/**
 * The x with P(X ≤ x) = p for X ~ Beta(alpha, beta). p = 0 → 0, 1 → 1; NaN for a p outside [0,1] and for
 * shapes that are none ({@link isShape}). Rounded to 0 or 1 where no other number is nearer, as with shapes far
 * below 1.
 */
export function betaQuantile(p: number, shape: BetaShape): number {
  return betaPointOf(smallerTail("lower", p), shape).x;
}

/** The same condition on the tail that has at most half of the mass. */
export function smallerTail(tail: "lower" | "upper", mass: number): TailMass {
  if (mass <= 0.5) return { tail, mass };
  return { tail: tail === "lower" ? "upper" : "lower", mass: 1 - mass };
}

/** A quantile from both ends: for what is computed from 1 − x or from the odds x/(1 − x). */
export interface BetaQuantilePoint {
  readonly x: number;
  readonly rest: number;
  /** ln(x/(1 − x)), also where x or 1 − x is too small for a number. */
  readonly logOdds: number;
}

/** Like {@link betaQuantile}. */
export function betaPointOf(side: TailMass, shape: BetaShape): BetaQuantilePoint {
  const { tail, mass } = side;
  const { alpha, beta } = shape;
  if (!(mass >= 0 && mass <= 1 && isShape(alpha) && isShape(beta))) {
    return { x: Number.NaN, rest: Number.NaN, logOdds: Number.NaN };
  }
  if (tail === "lower") return lowerPoint(mass, shape);
  const { x, rest, logOdds } = lowerPoint(mass, { alpha: beta, beta: alpha });
  return { x: rest, rest: x, logOdds: -logOdds };
}

function lowerPoint(mass: number, shape: BetaShape): BetaQuantilePoint {
  if (mass === 0) return { x: 0, rest: 1, logOdds: Number.NEGATIVE_INFINITY };
  if (mass === 1) return { x: 1, rest: 0, logOdds: Number.POSITIVE_INFINITY };
  // With o = x/(1 − x), I_x ≤ o^α/(αB) and 1 − I_x ≤ o^−β/(βB): two bounds of the odds.
  const { alpha, beta } = shape;
  const logLow = (Math.log(mass) + logBetaTimesFirst(alpha, beta)) / alpha;
  const logHigh = -(Math.log1p(-mass) + logBetaTimesFirst(beta, alpha)) / beta;
  // So near an end its bound is the value: what it leaves out is of the order of x, or of 1 − x.
  if (logLow < -690) return { x: Math.exp(logLow), rest: 1, logOdds: logLow };
  if (logHigh > 690) return { x: 1, rest: Math.exp(-logHigh), logOdds: logHigh };
  const odds = findTailRoot({
    tail: "lower",
    start: start(mass, shape),
    low: Math.exp(logLow) * (1 - 1e-12),
    high: Math.exp(logHigh) * (1 + 1e-12),
    fitAt: (position) => {
      const point = pointAtOdds(position, shape);
      const value = betaTails(point).lower;
      const slope = betaKernel(point) / value;
      return { excess: logExcess(value, mass), slope, bend: -point.deviation - slope };
    },
  });
  return { x: odds / (1 + odds), rest: 1 / (1 + odds), logOdds: Math.log(odds) };
}

function pointAtOdds(odds: number, shape: BetaShape): BetaPoint {
  return odds <= 1
    ? { ...betaPointAt(odds / (1 + odds), shape), rest: 1 / (1 + odds) }
    : mirrored({
        ...betaPointAt(1 / (1 + odds), { alpha: shape.beta, beta: shape.alpha }),
        rest: odds / (1 + odds),
      });
}

/**
 * Odds to start from. With a shape below 1 the mass sits in lumps at the ends, in proportion to the other
 * shape, so a bound of the odds (0 and Infinity stand for them) is near; otherwise by the uniform expansion.
 */
function start(mass: number, shape: BetaShape): number {
  const { alpha, beta } = shape;
  const smaller = Math.min(alpha, beta);
  if (smaller < 1 && mass > beta / (alpha + beta)) return Number.POSITIVE_INFINITY;
  if (alpha < 1) return 0;
  const share = smaller / (alpha + beta);
  const z = normalQuantile(mass);
  const w = Math.min(Math.max((alpha <= beta ? z : -z) / Math.sqrt(smaller), -1.5), 1.5);
  const x = Math.min(share * (1 + uniformDeviation(share, w)), 1 - 1e-9);
  return alpha <= beta ? x / (1 - x) : (1 - x) / x;
}
