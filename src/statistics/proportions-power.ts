import { normalUpperQuantile } from "../numerics/normal.ts";
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
import { outOfRange, type Refusal } from "./result.ts";

/** What a two-proportion test needs of each outcome in each arm. */
const expectedCountMin = 5;
/** What an always-valid sequence needs of each outcome in each arm. */
const sequenceOutcomesMin = 30;

/**
 * A difference of two success rates by the z-test, with the pooled variance where there is no difference and the
 * unpooled one where there is (Fleiss, Levin & Paik 2003, section 4.2). Arms are large enough for the method to speak
 * with 5 expected successes and failures in each, 30 for a sequence. The least effect is the least rise, or with
 * `direction: "fall"` the least fall; refused when not even a rate of 1 (or 0) would be found.
 * @param rates.treatmentRate absent: the control's plus the effect
 */
export function proportionsModel(
  rates: {
    readonly controlRate: number;
    readonly treatmentRate?: number;
    readonly direction?: "rise" | "fall";
  },
  options: PlanOptions,
): PowerModel {
  const { controlRate, direction = "rise" } = rates;
  const { alpha = alphaDefault, looks = "once" } = options;
  const z = normalUpperQuantile(alpha / 2);
  const treatmentRateOf = (effect: number): number =>
    rates.treatmentRate ?? Math.min(1, Math.max(0, controlRate + effect));
  const pooledRate = ({ controlN, treatmentN }: ArmSizes, effect: number): number =>
    (controlRate * controlN + treatmentRateOf(effect) * treatmentN) / (controlN + treatmentN);
  return {
    check: (effect) =>
      checkRate(controlRate) ??
      (effect === undefined
        ? undefined
        : (checkRate(rates.treatmentRate ?? controlRate + effect) ?? checkEffect(effect))),
    power(sizes, effect) {
      const { controlN, treatmentN } = sizes;
      const error = Math.sqrt(
        varianceOf(controlRate) / controlN + varianceOf(treatmentRateOf(effect)) / treatmentN,
      );
      const noncentrality = Math.abs(effect) / error;
      if (looks === "any_time") return normalPower(noncentrality, boundaryOf(sizes, options));
      const pooled = varianceOf(pooledRate(sizes, effect));
      const errorOfNoEffect = Math.sqrt(pooled * (1 / controlN + 1 / treatmentN));
      return normalPower(noncentrality, (z * errorOfNoEffect) / error);
    },
    speaks(sizes, effect) {
      const { controlN, treatmentN } = sizes;
      if (looks === "once") {
        const expected = Math.min(controlN, treatmentN) * rarer(pooledRate(sizes, effect));
        return expected >= expectedCountMin;
      }
      const outcomes = [controlN * rarer(controlRate), treatmentN * rarer(treatmentRateOf(effect))];
      return Math.min(...outcomes) >= sequenceOutcomesMin;
    },
    furthestEffect: () => (direction === "rise" ? 1 - controlRate : -controlRate),
  };
}

function varianceOf(rate: number): number {
  return rate * (1 - rate);
}

/** Of successes and failures, the share of those that are fewer. */
function rarer(rate: number): number {
  return Math.min(rate, 1 - rate);
}

function checkRate(rate: number): Refusal | undefined {
  if (!Number.isFinite(rate)) return notFinite("a rate");
  return rate > 0 && rate < 1
    ? undefined
    : outOfRange(`a rate must be between 0 and 1, not ${rate}`);
}
