import { alphaDefault } from "./comparison.ts";
import {
  type ArmSizes,
  boundaryOf,
  checkEffect,
  checkOptions,
  checkSampleSizeOptions,
  checkSizes,
  checkTarget,
  leastArms,
  leastEffect,
  normalPower,
  notFinite,
  outOfRange,
  type Plan,
  type PlanOptions,
  type PowerCurve,
  planOf,
  type SampleSizeOptions,
  type TargetOptions,
} from "./power-plan.ts";
import { type Result, unless } from "./result.ts";
import { tTestPower } from "./t-test-power.ts";

/**
 * Power for a difference of two means with the same standard deviation: exact for the t-test on normal data
 * (non-central t with n_C + n_T − 2 degrees of freedom); with `any_time` of the normal approximation.
 */
export function meansPower(
  plan: ArmSizes & { readonly standardDeviation: number; readonly effect: number },
  options: PlanOptions = {},
): Result<Plan> {
  return unless(
    checkOptions(options) ?? checkMeans(plan) ?? checkEffect(plan) ?? checkSizes(plan),
    () => planOf(plan, plan.effect, meansCurve(plan.standardDeviation, options)),
  );
}

/** The least arms with which a difference of two means is found with the wanted power. */
export function meansSampleSize(
  plan: { readonly standardDeviation: number; readonly effect: number },
  options: SampleSizeOptions = {},
): Result<Plan> {
  return unless(checkSampleSizeOptions(options) ?? checkMeans(plan) ?? checkEffect(plan), () =>
    leastArms(plan.effect, meansCurve(plan.standardDeviation, options), options, () => true),
  );
}

/** The least difference of two means, above 0, that is found with the wanted power. */
export function meansDetectableEffect(
  plan: ArmSizes & { readonly standardDeviation: number },
  options: TargetOptions = {},
): Result<Plan> {
  return unless(checkTarget(options) ?? checkMeans(plan) ?? checkSizes(plan), () => {
    const error = plan.standardDeviation * Math.sqrt(1 / plan.controlN + 1 / plan.treatmentN);
    // A thousand standard errors are found by any test whose level is not absurdly small.
    return leastEffect(plan, 1000 * error, meansCurve(plan.standardDeviation, options), options);
  });
}

function meansCurve(standardDeviation: number, options: PlanOptions): PowerCurve {
  const { alpha = alphaDefault, looks = "once" } = options;
  return (sizes, effect) => {
    const { controlN, treatmentN } = sizes;
    const noncentrality =
      Math.abs(effect / standardDeviation) / Math.sqrt(1 / controlN + 1 / treatmentN);
    if (looks === "any_time") return normalPower(noncentrality, boundaryOf(sizes, options));
    return tTestPower({ noncentrality, degreesOfFreedom: controlN + treatmentN - 2, alpha });
  };
}

function checkMeans({ standardDeviation }: { readonly standardDeviation: number }) {
  if (!Number.isFinite(standardDeviation)) return notFinite("the standard deviation");
  if (standardDeviation > 0) return undefined;
  if (standardDeviation < 0) return outOfRange("the standard deviation is below 0");
  return { reason: "zero_variance", message: "the standard deviation is 0" } as const;
}
