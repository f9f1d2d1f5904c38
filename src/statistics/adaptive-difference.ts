import { type BetsOnDifference, bets } from "./adaptive-sequence.ts";
import { acceptFinite, alphaDefault, type LevelOption } from "./comparison.ts";
import type { Result } from "./result.ts";
import { type Coverage, coveredParts, type Stratum } from "./stratified.ts";

/** A difference in [−1,1] with an interval that holds at every look. */
export interface AnyTimeDifference extends Coverage {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided, of this look: at most alpha exactly when the interval leaves out 0. */
  readonly pValue: number;
}

/** Leaves 4e-13 of the logarithm of a slope. */
const halvings = 48;
/** Natural logarithms of the slopes between which the end of an interval is looked for. */
const logSlopes = { min: -40, max: 60 } as const;
const differenceError = 1e-13;
/** Enough for the bisection alone; Newton's method needs eight. */
const stepsMax = 50;

/** What is known of the difference in one context, as the logarithm of a martingale at each of its values: convex. */
interface Part {
  /** Of the traffic. */
  readonly share: number;
  /** a − b δ of every bet, b above 0 for the ones that δ is larger than it is taken to be. */
  readonly intercepts: readonly number[];
  readonly slopes: readonly number[];
}

interface Point {
  /** Σ share · δ. */
  readonly difference: number;
  /** Σ ln K(δ). */
  readonly evidence: number;
}

/**
 * The difference over all strata, Σ share_c · δ_c, for any number of looks. Different strata are different decisions,
 * so the product of their martingales is one for the vector of all their differences: the interval holds the sums of
 * those vectors with Π K_c(δ_c) < 1/alpha, and 0 has the p-value 1 / (the least product with a sum of 0). Every
 * stratum pays for the mixture of its bets, so many make the interval wider: 1.4 times for five, 2.1 for twenty.
 *
 * Strata in which no decision could have served either arm are left out, and refused, as in `stratifiedDifference`.
 */
export function adaptiveDifference(
  strata: readonly Stratum<BetsOnDifference>[],
  { alpha = alphaDefault }: LevelOption = {},
): Result<AnyTimeDifference> {
  const covered = coveredParts(strata, alpha);
  if (!covered.ok) return covered;
  const { parts, ...coverage } = covered.value;
  const known = parts.map(({ share, value }) => partOf(share, value));
  const estimate = parts.reduce((sum, { share, value: { observed, information } }) => {
    return sum + share * Math.min(1, Math.max(-1, observed / information));
  }, 0);
  const threshold = -Math.log(alpha);
  const beyond = ({ evidence }: Point) => evidence - threshold;
  const toZero = estimate > 0 ? -1 : 1;
  const atZero = crossing(known, toZero, ({ difference }) => toZero * difference);
  return acceptFinite({
    estimate,
    low: Math.min(estimate, crossing(known, -1, beyond).difference),
    high: Math.max(estimate, crossing(known, 1, beyond).difference),
    pValue: Math.min(1, Math.max(Math.exp(-atZero.evidence), Number.MIN_VALUE)),
    ...coverage,
  });
}

function partOf(share: number, { predicted, information, logUp, logDown }: BetsOnDifference): Part {
  return {
    share,
    intercepts: bets.flatMap(({ size, part }, at) => [
      Math.log(part) + (logUp[at] as number) + size * predicted,
      Math.log(part) + (logDown[at] as number) - size * predicted,
    ]),
    slopes: bets.flatMap(({ size }) => [size * information, -size * information]),
  };
}

/**
 * The point of least evidence against each difference, followed from the estimate in one direction to where `excess` is 0: where
 * the slopes of all parts' evidence are alike, for their shares. Where one bet outweighs all others the evidence is a straight
 * line, of which no slope tells a point: so the last two points are joined by one. The end of the way when `excess` stays below 0.
 */
function crossing(
  parts: readonly Part[],
  direction: 1 | -1,
  excess: (point: Point) => number,
): Point {
  let { min, max } = logSlopes as { min: number; max: number };
  for (let step = 0; step < halvings; step += 1) {
    const middle = (min + max) / 2;
    if (excess(pointAt(parts, direction * Math.exp(middle))) >= 0) max = middle;
    else min = middle;
  }
  const inner = pointAt(parts, direction * Math.exp(min));
  const outer = pointAt(parts, direction * Math.exp(max));
  const [before, after] = [excess(inner), excess(outer)];
  if (before >= 0) return inner;
  if (after <= 0) return outer;
  const between = (name: keyof Point) =>
    inner[name] + (before / (before - after)) * (outer[name] - inner[name]);
  return { difference: between("difference"), evidence: between("evidence") };
}

/** Where the evidence of every part rises by `slope` for each unit of the sum. */
function pointAt(parts: readonly Part[], slope: number): Point {
  let difference = 0;
  let evidence = 0;
  for (const part of parts) {
    const delta = whereItRises(part, slope * part.share);
    difference += part.share * delta;
    evidence += evidenceAt(part, delta).evidence;
  }
  return { difference, evidence };
}

/** The δ in [−1,1] at which the evidence rises like this, or the nearer end: Newton's method within a bisection. */
function whereItRises(part: Part, target: number): number {
  let [low, high] = [-1, 1];
  if (evidenceAt(part, low).rise >= target) return low;
  if (evidenceAt(part, high).rise <= target) return high;
  let delta = 0;
  for (let step = 0; step < stepsMax; step += 1) {
    const { rise, curvature } = evidenceAt(part, delta);
    if (rise < target) low = delta;
    else high = delta;
    const newton = delta - (rise - target) / curvature;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - delta) < differenceError) return next;
    delta = next;
  }
  return delta;
}

/** ln K(δ), of the mean over all bets, and its derivatives. */
function evidenceAt({ intercepts, slopes }: Part, delta: number) {
  let largest = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < slopes.length; at += 1) {
    const log = (intercepts[at] as number) - (slopes[at] as number) * delta;
    if (log > largest) largest = log;
  }
  let sum = 0;
  let rise = 0;
  let squares = 0;
  for (let at = 0; at < slopes.length; at += 1) {
    const slope = slopes[at] as number;
    const part = Math.exp((intercepts[at] as number) - slope * delta - largest);
    sum += part;
    rise -= part * slope;
    squares += part * slope * slope;
  }
  rise /= sum;
  return { evidence: largest + Math.log(sum), rise, curvature: squares / sum - rise * rise };
}
