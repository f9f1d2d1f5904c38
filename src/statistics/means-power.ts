import { alphaDefault } from "./comparison.ts";
import {
  type ArmSizes,
  boundaryOf,
  checkEffect,
  normalPower,
  notFinite,
  type PlanOptions,
  type PowerModel,
} from "./power-plan.ts";
import { outOfRange, type Refusal, refusal } from "./result.ts";
import { tTestPower } from "./t-test-power.ts";

/**
 * A difference of two means with the same standard deviation: exact for the t-test on normal data (non-central t with
 * n_C + n_T − 2 degrees of freedom); with `any_time` of the normal approximation. Effects looked for are above 0.
 */
export function meansModel(standardDeviation: number, options: PlanOptions): PowerModel {
  const { alpha = alphaDefault, looks = "once" } = options;
  const errorOf = ({ controlN, treatmentN }: ArmSizes): number =>
    standardDeviation * Math.sqrt(1 / controlN + 1 / treatmentN);
  return {
    check: (effect) =>
      checkDeviation(standardDeviation) ?? (effect === undefined ? undefined : checkEffect(effect)),
    power(sizes, effect) {
      const noncentrality = Math.abs(effect) / errorOf(sizes);
      if (looks === "any_time") return normalPower(noncentrality, boundaryOf(sizes, options));
      const degreesOfFreedom = sizes.controlN + sizes.treatmentN - 2;
      return tTestPower({ noncentrality, degreesOfFreedom, alpha });
    },
    speaks: () => true,
    // A thousand standard errors are found by any test whose level is not absurdly small.
    furthestEffect: (sizes) => 1000 * errorOf(sizes),
  };
}

function checkDeviation(standardDeviation: number): Refusal | undefined {
  if (!Number.isFinite(standardDeviation)) return notFinite("the standard deviation");
  if (standardDeviation > 0) return undefined;
  if (standardDeviation < 0) return outOfRange("the standard deviation is below 0");
  return refusal("zero_variance", "the standard deviation is 0");
}
