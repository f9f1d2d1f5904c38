import { meansModel } from "../../src/statistics/means-power.ts";
import {
  type ArmSizes,
  leastArms,
  leastEffect,
  type PlanOptions,
  powerOf,
  type SampleSizeOptions,
} from "../../src/statistics/power-plan.ts";
import { proportionsModel } from "../../src/statistics/proportions-power.ts";

type Means = { standardDeviation: number };
type Rates = { controlRate: number; treatmentRate: number };
type Rate = { controlRate: number; direction?: "rise" | "fall" };

export const meansPower = (
  plan: Means & ArmSizes & { effect: number },
  options: PlanOptions = {},
) => powerOf(plan, plan.effect, meansModel(plan.standardDeviation, options), options);

export const meansSampleSize = (
  plan: Means & { effect: number },
  options: SampleSizeOptions = {},
) => leastArms(plan.effect, meansModel(plan.standardDeviation, options), options);

export const meansDetectableEffect = (plan: Means & ArmSizes, options: SampleSizeOptions = {}) =>
  leastEffect(plan, meansModel(plan.standardDeviation, options), options);

export const proportionsPower = (plan: Rates & ArmSizes, options: PlanOptions = {}) =>
  powerOf(plan, plan.treatmentRate - plan.controlRate, proportionsModel(plan, options), options);

export const proportionsSampleSize = (plan: Rates, options: SampleSizeOptions = {}) =>
  leastArms(plan.treatmentRate - plan.controlRate, proportionsModel(plan, options), options);

export const proportionsDetectableEffect = (
  plan: Rate & ArmSizes,
  options: SampleSizeOptions = {},
) => leastEffect(plan, proportionsModel(plan, options), options);
