import { normalSf, normalUpperQuantile } from "../numerics/normal.ts";
import {
  acceptFinite,
  alphaDefault,
  type Comparison,
  checkAlpha,
  type LevelOption,
  type TwoArms,
} from "./comparison.ts";
import { type Counts, checkCounts, checkN } from "./moments.ts";
import { type Refusal, type Result, refusal } from "./result.ts";

/** Below this a normal approximation of a count is not to be trusted (Cochran 1954). */
const expectedCountMin = 5;

/**
 * Difference of two success rates, treatment − control, of 0/1 observations that are looked at once.
 *
 * - p-value: z-test with the pooled rate (its square is Pearson's chi-square of the 2×2 table).
 * - interval: Newcombe's hybrid of two Wilson intervals (Newcombe 1998, method 10); stays within [−1,1] and
 *   covers near 0 and 1, where estimate ± z·SE does not. So interval and p-value may disagree next to alpha.
 * - standard error: unpooled.
 *
 * Refuses when fewer than 5 successes or failures are expected in an arm under the pooled rate.
 */
export function twoProportionTest(
  arms: TwoArms<Counts>,
  { alpha = alphaDefault }: LevelOption = {},
): Result<Comparison> {
  const problem = checkArms(arms, alpha);
  if (problem !== undefined) return { ok: false, refusal: problem };
  const { control, treatment } = arms;
  const p = rates(arms);
  const z = normalUpperQuantile(alpha / 2);
  const controlEnds = wilsonInterval(control, z);
  const treatmentEnds = wilsonInterval(treatment, z);
  const estimate = p.treatment - p.control;
  const pooledError = Math.sqrt(p.pooled * (1 - p.pooled) * (1 / control.n + 1 / treatment.n));
  return acceptFinite({
    estimate,
    low: estimate - Math.hypot(p.treatment - treatmentEnds.low, controlEnds.high - p.control),
    high: estimate + Math.hypot(treatmentEnds.high - p.treatment, p.control - controlEnds.low),
    standardError: Math.sqrt(
      (p.control * (1 - p.control)) / control.n + (p.treatment * (1 - p.treatment)) / treatment.n,
    ),
    pValue: Math.min(1, 2 * normalSf(Math.abs(estimate) / pooledError)),
    controlN: control.n,
    treatmentN: treatment.n,
  });
}

/**
 * Relative lift of a success rate, p_T / p_C − 1. Interval and p-value on the scale of log(p_T / p_C), whose
 * variance is (1 − p_T)/(n_T p_T) + (1 − p_C)/(n_C p_C) (Katz et al. 1978): the interval is not symmetric,
 * stays above −1, and excludes 0 exactly when the p-value is below alpha. The standard error is the lift's,
 * by the delta method.
 *
 * Refuses what {@link twoProportionTest} refuses, and an arm with fewer than 5 successes.
 */
export function relativeProportionTest(
  arms: TwoArms<Counts>,
  { alpha = alphaDefault }: LevelOption = {},
): Result<Comparison> {
  const problem = checkArms(arms, alpha) ?? checkSuccesses(arms);
  if (problem !== undefined) return { ok: false, refusal: problem };
  const { control, treatment } = arms;
  const p = rates(arms);
  const ratio = p.treatment / p.control;
  const logError = Math.sqrt(
    (1 - p.treatment) / treatment.successes + (1 - p.control) / control.successes,
  );
  const margin = normalUpperQuantile(alpha / 2) * logError;
  return acceptFinite({
    estimate: ratio - 1,
    low: ratio * Math.exp(-margin) - 1,
    high: ratio * Math.exp(margin) - 1,
    standardError: ratio * logError,
    pValue: Math.min(1, 2 * normalSf(Math.abs(Math.log(ratio)) / logError)),
    controlN: control.n,
    treatmentN: treatment.n,
  });
}

function rates({ control, treatment }: TwoArms<Counts>) {
  return {
    control: control.successes / control.n,
    treatment: treatment.successes / treatment.n,
    pooled: (control.successes + treatment.successes) / (control.n + treatment.n),
  };
}

/** The score interval of one rate (Wilson 1927). At 0 or n successes one end is the rate itself. */
function wilsonInterval({ n, successes }: Counts, z: number): { low: number; high: number } {
  const p = successes / n;
  const centre = p + z ** 2 / (2 * n);
  const margin = z * Math.sqrt((p * (1 - p)) / n + (z / (2 * n)) ** 2);
  const scale = 1 + z ** 2 / n;
  // Rounding may move an end past the rate, and the estimate would leave its own interval.
  return {
    low: Math.min(p, Math.max(0, (centre - margin) / scale)),
    high: Math.max(p, Math.min(1, (centre + margin) / scale)),
  };
}

function checkArms({ control, treatment }: TwoArms<Counts>, alpha: number): Refusal | undefined {
  const problem =
    checkAlpha(alpha) ??
    checkN(control.n, "the control") ??
    checkN(treatment.n, "the treatment") ??
    checkCounts(control, "the control") ??
    checkCounts(treatment, "the treatment");
  if (problem !== undefined) return problem;
  const n = control.n + treatment.n;
  const successes = control.successes + treatment.successes;
  if (successes === 0 || successes === n) {
    return refusal("zero_variance", "all observations of both arms are the same");
  }
  const expected = Math.min(control.n, treatment.n) * Math.min(successes / n, 1 - successes / n);
  if (expected >= expectedCountMin) return undefined;
  return refusal(
    "too_few",
    `${expected.toFixed(1)} successes or failures are expected in the smaller arm; the normal approximation needs ${expectedCountMin}`,
  );
}

function checkSuccesses({ control, treatment }: TwoArms<Counts>): Refusal | undefined {
  const least = Math.min(control.successes, treatment.successes);
  if (least >= expectedCountMin) return undefined;
  return refusal(
    "too_few",
    `an arm has ${least} successes; a ratio needs ${expectedCountMin} in each`,
  );
}
