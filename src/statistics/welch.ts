import { studentTSf, studentTUpperQuantile } from "../numerics/student-t.ts";
import {
  acceptFinite,
  alphaDefault,
  type Comparison,
  checkAlpha,
  type LevelOption,
  type TwoArms,
} from "./comparison.ts";
import { checkSample, type Sample } from "./moments.ts";
import { outOfRange, type Refusal, type Result, refuse } from "./result.ts";

export interface WelchComparison extends Comparison {
  /** The estimate in standard errors. */
  readonly statistic: number;
  /** Of Welch and Satterthwaite; not whole, at least min(n) − 1. */
  readonly degreesOfFreedom: number;
}

/**
 * A control mean of fewer standard errors than this is too near 0 to divide by: the ratio is skewed then,
 * and the delta method's interval misses on one side. Where the true mean is 6 standard errors above 0, its 95 %
 * interval covers in 94.0 % (bench/experiment-calibration.ts).
 */
const controlMeanStandardErrorsMin = 5;

/**
 * Difference of the means, treatment − control, by Welch's t-test (Welch 1947; degrees of freedom of
 * Satterthwaite 1946): for data that are looked at once, from arms with fixed shares.
 * Refuses arms with fewer than 2 observations or without a spread.
 */
export function welchTest(
  arms: TwoArms<Sample>,
  { alpha = alphaDefault }: LevelOption = {},
): Result<WelchComparison> {
  const problem = checkArms(arms, alpha);
  if (problem !== undefined) return { ok: false, refusal: problem };
  const { control, treatment } = arms;
  return studentComparison(arms, alpha, {
    estimate: treatment.mean - control.mean,
    controlVariance: control.variance / control.n,
    treatmentVariance: treatment.variance / treatment.n,
  });
}

/**
 * Relative effect, treatment mean / control mean − 1, by the delta method: its variance is
 * s_T²/(n_T m_C²) + m_T² s_C²/(n_C m_C⁴) (Deng, Knoblich & Lu 2018). The interval and the
 * p-value are of this estimate, so they agree with one another: the interval excludes 0 exactly when the
 * p-value is below alpha. {@link welchTest} tests the same hypothesis without linearising anything; next to
 * alpha the two may differ, and then it is the one to believe.
 *
 * Refuses a control mean that is not above 0 or less than five of its standard errors away from it.
 */
export function relativeWelchTest(
  arms: TwoArms<Sample>,
  { alpha = alphaDefault }: LevelOption = {},
): Result<WelchComparison> {
  const problem = checkArms(arms, alpha) ?? checkDivisor(arms.control);
  if (problem !== undefined) return { ok: false, refusal: problem };
  const { control, treatment } = arms;
  const ratio = treatment.mean / control.mean;
  return studentComparison(arms, alpha, {
    estimate: (treatment.mean - control.mean) / control.mean,
    controlVariance: (ratio / control.mean) ** 2 * (control.variance / control.n),
    treatmentVariance: treatment.variance / treatment.n / control.mean ** 2,
  });
}

function checkArms(arms: TwoArms<Sample>, alpha: number): Refusal | undefined {
  return (
    checkAlpha(alpha) ??
    checkSample(arms.control, "the control") ??
    checkSample(arms.treatment, "the treatment")
  );
}

function checkDivisor({ n, mean, variance }: Sample): Refusal | undefined {
  const standardErrors = mean / Math.sqrt(variance / n);
  if (standardErrors >= controlMeanStandardErrorsMin) return undefined;
  return outOfRange(
    `the control mean ${mean} is not clearly above 0, so nothing can be divided by it: it must be ${controlMeanStandardErrorsMin} standard errors above 0 and is ${standardErrors.toFixed(1)}`,
  );
}

function studentComparison(
  { control, treatment }: TwoArms<Sample>,
  alpha: number,
  effect: {
    readonly estimate: number;
    /** Squared standard errors of the two parts of the estimate. */
    readonly controlVariance: number;
    readonly treatmentVariance: number;
  },
): Result<WelchComparison> {
  const { estimate, controlVariance, treatmentVariance } = effect;
  const standardError = Math.sqrt(controlVariance + treatmentVariance);
  if (standardError === 0)
    return refuse("zero_variance", "the spread is too small to compute with");
  // As shares of the variance and not as squares of it, which would overflow.
  const controlPart = controlVariance / (controlVariance + treatmentVariance);
  const degreesOfFreedom =
    1 / (controlPart ** 2 / (control.n - 1) + (1 - controlPart) ** 2 / (treatment.n - 1));
  const statistic = estimate / standardError;
  const margin = studentTUpperQuantile(alpha / 2, degreesOfFreedom) * standardError;
  return acceptFinite({
    estimate,
    low: estimate - margin,
    high: estimate + margin,
    standardError,
    pValue: Math.min(1, 2 * studentTSf(Math.abs(statistic), degreesOfFreedom)),
    statistic,
    degreesOfFreedom,
    controlN: control.n,
    treatmentN: treatment.n,
  });
}
