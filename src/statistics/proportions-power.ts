import { normalUpperQuantile } from "../numerics/normal.ts";
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
import { type Refusal, type Result, unless } from "./result.ts";

/** What a two-proportion test needs of each outcome in each arm. */
const expectedCountMin = 5;
/** What an always-valid sequence needs of each outcome in each arm. */
const sequenceOutcomesMin = 30;

/**
 * Power for a difference of two success rates by the z-test, with the pooled variance where there is no
 * difference and the unpooled one where there is (Fleiss, Levin & Paik 2003, section 4.2).
 */
export function proportionsPower(
  plan: ArmSizes & { readonly controlRate: number; readonly treatmentRate: number },
  options: PlanOptions = {},
): Result<Plan> {
  const effect = plan.treatmentRate - plan.controlRate;
  return unless(checkOptions(options) ?? checkRates(plan) ?? checkSizes(plan), () =>
    planOf(plan, effect, proportionsCurve(plan.controlRate, options)),
  );
}

/**
 * The least arms with which a difference of two success rates is found with the wanted power, and large
 * enough for the method to speak at all: 5 expected successes and failures in each arm, 30 for a sequence.
 */
export function proportionsSampleSize(
  plan: { readonly controlRate: number; readonly treatmentRate: number },
  options: SampleSizeOptions = {},
): Result<Plan> {
  const { controlRate, treatmentRate } = plan;
  const effect = treatmentRate - controlRate;
  const speaks = (sizes: ArmSizes): boolean => {
    if (options.looks === "any_time") {
      const control = sizes.controlN * Math.min(controlRate, 1 - controlRate);
      const treatment = sizes.treatmentN * Math.min(treatmentRate, 1 - treatmentRate);
      return Math.min(control, treatment) >= sequenceOutcomesMin;
    }
    const pooled = pooledRate(sizes, controlRate, treatmentRate);
    const smaller = Math.min(sizes.controlN, sizes.treatmentN);
    return smaller * Math.min(pooled, 1 - pooled) >= expectedCountMin;
  };
  return unless(checkSampleSizeOptions(options) ?? checkRates(plan), () =>
    leastArms(effect, proportionsCurve(controlRate, options), options, speaks),
  );
}

/**
 * The least difference of two success rates that is found with the wanted power: the least rise, or with
 * `direction: "fall"` the least fall. Refuses when not even a rate of 1 (or 0) would be found.
 */
export function proportionsDetectableEffect(
  plan: ArmSizes & { readonly controlRate: number; readonly direction?: "rise" | "fall" },
  options: TargetOptions = {},
): Result<Plan> {
  const { controlRate, direction = "rise" } = plan;
  const furthest = direction === "rise" ? 1 - controlRate : -controlRate;
  return unless(checkTarget(options) ?? checkRate(controlRate) ?? checkSizes(plan), () =>
    leastEffect(plan, furthest, proportionsCurve(controlRate, options), options),
  );
}

function proportionsCurve(controlRate: number, options: PlanOptions): PowerCurve {
  const { alpha = alphaDefault, looks = "once" } = options;
  const z = normalUpperQuantile(alpha / 2);
  return (sizes, effect) => {
    const { controlN, treatmentN } = sizes;
    const treatmentRate = Math.min(1, Math.max(0, controlRate + effect));
    const error = Math.sqrt(
      (controlRate * (1 - controlRate)) / controlN +
        (treatmentRate * (1 - treatmentRate)) / treatmentN,
    );
    const noncentrality = Math.abs(effect) / error;
    if (looks === "any_time") return normalPower(noncentrality, boundaryOf(sizes, options));
    const pooled = pooledRate(sizes, controlRate, treatmentRate);
    const errorOfNoEffect = Math.sqrt(pooled * (1 - pooled) * (1 / controlN + 1 / treatmentN));
    return normalPower(noncentrality, (z * errorOfNoEffect) / error);
  };
}

function pooledRate(sizes: ArmSizes, controlRate: number, treatmentRate: number): number {
  const { controlN, treatmentN } = sizes;
  return (controlRate * controlN + treatmentRate * treatmentN) / (controlN + treatmentN);
}

function checkRates(plan: { readonly controlRate: number; readonly treatmentRate: number }) {
  return (
    checkRate(plan.controlRate) ??
    checkRate(plan.treatmentRate) ??
    checkEffect({ effect: plan.treatmentRate - plan.controlRate })
  );
}

function checkRate(rate: number): Refusal | undefined {
  if (!Number.isFinite(rate)) return notFinite("a rate");
  return rate > 0 && rate < 1
    ? undefined
    : outOfRange(`a rate must be between 0 and 1, not ${rate}`);
}
