import {
  acceptFinite,
  alphaDefault,
  type Comparison,
  checkAlpha,
  type LevelOption,
  type TwoArms,
} from "./comparison.ts";
import { checkSample, type Sample } from "./moments.ts";
import { outOfRange, type Refusal, type Result, refusal, refuse } from "./result.ts";

/** Where an observation can lie. `unbounded`: anywhere, and then the caller sees to `checkSkewness`. */
export type ObservationRange = "unbounded" | { readonly low: number; readonly high: number };

export interface SequenceOptions extends LevelOption {
  /**
   * Observations (of the sample, or of each of two equally large arms) at which the interval is to be
   * tightest, above 0. Must be chosen before the data are seen and stay what it is. 1,000 if not given.
   */
  readonly tightestAtN?: number;
  /** [0,1] if not given. */
  readonly range?: ObservationRange;
}

const tightestAtNDefault = 1000;
/** A sequence keeps silent before an arm has this much reward, and this much missing to the full reward. */
const outcomesMin = 30;
/** Without a range. From here on the error rates are as stated for what `checkSkewness` lets pass. */
const unboundedMin = 100;

/**
 * Difference of the means, treatment − control, that may be looked at after every observation: the
 * probability that any of the intervals ever misses the true difference is at most alpha, and so is the
 * probability that the p-value ever falls to alpha while there is no difference.
 *
 * Asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2021, Theorem 2.2), in the
 * time n = n_C n_T / (n_C + n_T), in which √n times the difference has a variance that stays the same while
 * the shares do, and whatever they are where the two spreads are alike:
 *
 *     difference ± √( V · (1 + 1/m) · (ln(1 + m) − 2 ln alpha) ),  V = s_C²/n_C + s_T²/n_T,  m = ρ² n
 *
 * ρ² makes it tightest at `tightestAtN`. The p-value is the least alpha whose interval (with that ρ) leaves out
 * 0: √(1 + m) · exp(−z² m / (2(1 + m))), z = difference/√V; the mixture sequential probability ratio test of
 * Johari, Koomen, Pekelis & Walsh (2017).
 *
 * Being asymptotic it refuses to speak early: with a range, before each arm has 30 of what lies between the
 * observations and either end of it (for 0/1 observations: 30 successes and 30 failures); without one,
 * before 100 observations in each arm. What it refuses for that, {@link boundedDifferenceSequence} answers.
 */
export function differenceSequence(
  arms: TwoArms<Sample>,
  options: SequenceOptions = {},
): Result<Comparison> {
  const settings = checkOptions(options);
  if (!settings.ok) return settings;
  const problem = checkArms(arms, settings.value);
  if (problem !== undefined) return { ok: false, refusal: problem };
  const { control, treatment } = arms;
  const estimate = treatment.mean - control.mean;
  const variance = squaredError(control) + squaredError(treatment);
  if (variance === 0) return refuse("zero_variance", "the spread is too small to compute with");
  const mixing = mixingOfArms(arms, settings.value);
  const margin = Math.sqrt(variance * squaredBoundary(mixing, settings.value.alpha));
  return acceptFinite({
    estimate,
    low: estimate - margin,
    high: estimate + margin,
    standardError: Math.sqrt(variance),
    pValue: pValueOf((estimate / Math.sqrt(variance)) ** 2, mixing),
    controlN: control.n,
    treatmentN: treatment.n,
  });
}

/**
 * Relative effect, treatment mean / control mean − 1, under the same promise. Holds the r such that the
 * sequence of treatment − (1 + r)·control does not exclude 0 (Fieller 1954), so it needs no linearisation and
 * excludes 0 exactly when {@link differenceSequence} does; p-values are that one's. The standard error is the
 * delta method's.
 *
 * Refuses also a control mean that is not above 0 or that the sequence cannot tell from 0, and a spread that
 * is, against the control mean, too small for a number.
 */
export function relativeDifferenceSequence(
  arms: TwoArms<Sample>,
  options: SequenceOptions = {},
): Result<Comparison> {
  const absolute = differenceSequence(arms, options);
  if (!absolute.ok) return absolute;
  const settings = checkOptions(options);
  if (!settings.ok) return settings;
  const { control, treatment } = arms;
  const boundary = squaredBoundary(mixingOfArms(arms, settings.value), settings.value.alpha);
  // Of (m_T − k m_C)² ≤ boundary (v_T + k² v_C), divided by m_C²: the two roots in k = 1 + r.
  const ratio = treatment.mean / control.mean;
  const controlPart = (boundary * squaredError(control)) / control.mean ** 2;
  const treatmentPart = (boundary * squaredError(treatment)) / control.mean ** 2;
  if (!(control.mean > 0 && controlPart < 1)) {
    return refuse(
      "out_of_range",
      `the control mean ${control.mean} is not clearly above 0, so nothing can be divided by it`,
    );
  }
  const margin = Math.sqrt(treatmentPart + ratio ** 2 * controlPart - controlPart * treatmentPart);
  const standardError = Math.sqrt((treatmentPart + ratio ** 2 * controlPart) / boundary);
  // Divided by a large control mean, a spread above 0 may become 0.
  if (standardError === 0) {
    return refuse("zero_variance", "the relative spread is too small to compute with");
  }
  return acceptFinite({
    ...absolute.value,
    estimate: ratio - 1,
    // Rounding may move an end past the estimate.
    low: Math.min(ratio, (ratio - margin) / (1 - controlPart)) - 1,
    high: Math.max(ratio, (ratio + margin) / (1 - controlPart)) - 1,
    standardError,
  });
}

interface Mixing {
  readonly tightestAtN: number;
  /** ρ² n at the time at which the interval is tightest. */
  readonly mixingAtTightest: number;
}

interface Settings extends Mixing {
  readonly alpha: number;
  readonly range: ObservationRange;
}

/**
 * The z-value beyond which a {@link differenceSequence} of arms of these sizes leaves out 0: what 1.96 is to a
 * test that looks once. For plans; alpha in (0,1), sizes and `tightestAtN` above 0.
 */
export function sequenceBoundary(
  sizes: { readonly controlN: number; readonly treatmentN: number },
  { alpha, tightestAtN }: { readonly alpha: number; readonly tightestAtN: number },
): number {
  const arms = { control: { n: sizes.controlN }, treatment: { n: sizes.treatmentN } };
  const mixingAtTightest = tightestMixing(alpha);
  return Math.sqrt(squaredBoundary(mixingOfArms(arms, { mixingAtTightest, tightestAtN }), alpha));
}

function checkOptions(options: SequenceOptions): Result<Settings> {
  const {
    alpha = alphaDefault,
    tightestAtN = tightestAtNDefault,
    range = { low: 0, high: 1 },
  } = options;
  const problem = checkAlpha(alpha) ?? checkRange(range);
  if (problem !== undefined) return { ok: false, refusal: problem };
  if (!Number.isFinite(tightestAtN) || !(tightestAtN > 0)) {
    return refuse("out_of_range", `tightestAtN must be a number above 0, not ${tightestAtN}`);
  }
  const mixingAtTightest = tightestMixing(alpha);
  return { ok: true, value: { alpha, tightestAtN, range, mixingAtTightest } };
}

/** The refusal of a range that is none; undefined if it is one. */
export function checkRange(range: ObservationRange): Refusal | undefined {
  if (range === "unbounded") return undefined;
  if (range.low < range.high && Number.isFinite(range.high - range.low)) return undefined;
  return outOfRange(
    `a range must go from a lower to a higher finite number, not from ${range.low} to ${range.high}`,
  );
}

function checkArms({ control, treatment }: TwoArms<Sample>, { range }: Settings) {
  return (
    checkSample(control, "the control") ??
    checkSample(treatment, "the treatment") ??
    checkEnough(control, "the control", range) ??
    checkEnough(treatment, "the treatment", range)
  );
}

/** The refusal of a sample that is too small for the asymptotic sequence, or that cannot lie in the range. */
function checkEnough(
  { n, mean, variance }: Sample,
  name: string,
  range: ObservationRange,
): Refusal | undefined {
  if (range === "unbounded") {
    if (n >= unboundedMin) return undefined;
    return refusal("too_few", `${name} has ${n} observations; the sequence needs ${unboundedMin}`);
  }
  const above = (mean - range.low) / (range.high - range.low);
  const below = (range.high - mean) / (range.high - range.low);
  // Largest variance of numbers in the range with this mean, reached by numbers that are all at its ends.
  const varianceMax = (above * below * n) / (n - 1);
  if (
    above < 0 ||
    below < 0 ||
    variance / (range.high - range.low) ** 2 > varianceMax * (1 + 1e-9)
  ) {
    return outOfRange(
      `no observations from ${range.low} to ${range.high} have the mean ${mean} and the variance ${variance} of ${name}`,
    );
  }
  // The tolerance is for rounding: 30 successes of n may come as a mean a little below 30/n.
  if (n * Math.min(above, below) >= outcomesMin * (1 - 1e-9)) return undefined;
  return refusal(
    "too_few",
    `${name} has ${(n * above).toFixed(1)} successes and ${(n * below).toFixed(1)} failures; the sequence needs ${outcomesMin} of each`,
  );
}

function squaredError({ n, variance }: Sample): number {
  return variance / n;
}

/** m = ρ² n in the time of two arms, of which two equal ones of `tightestAtN` have tightestAtN / 2. */
function mixingOfArms({ control, treatment }: TwoArms<{ n: number }>, settings: Mixing): number {
  const time = control.n / (1 + control.n / treatment.n);
  return (settings.mixingAtTightest * time) / (settings.tightestAtN / 2);
}

/** The square of the boundary of z, after which the interval at level alpha leaves a value out. */
function squaredBoundary(mixing: number, alpha: number): number {
  return (1 + 1 / mixing) * (Math.log1p(mixing) - 2 * Math.log(alpha));
}

/**
 * The m that makes {@link squaredBoundary} least: m = ln(1 + m) − 2 ln alpha, which is −W₋₁(−alpha²/e) − 1
 * (Waudby-Smith et al., on the choice of ρ). Newton from above: the left side less the right one is convex.
 */
function tightestMixing(alpha: number): number {
  const level = -2 * Math.log(alpha);
  let mixing = 2 * level + Math.sqrt(2 * level) + 1;
  for (let step = 0; step < 60; step += 1) {
    const excess = mixing - Math.log1p(mixing) - level;
    const next = mixing - (excess * (1 + mixing)) / mixing;
    if (!(next < mixing) || next <= 0) break;
    mixing = next;
  }
  return mixing;
}

function pValueOf(squaredStatistic: number, mixing: number): number {
  const exponent = (squaredStatistic * mixing) / (2 * (1 + mixing));
  return Math.min(1, Math.exp(0.5 * Math.log1p(mixing) - exponent));
}
