import { meansModel } from "../means-power.ts";
import { leastArms, leastEffect, type Plan, powerOf, treatmentSize } from "../power-plan.ts";
import { proportionsModel } from "../proportions-power.ts";
import type { Result } from "../result.ts";

/** The question of a plan: of effect, size and power two are given, and the third is computed. */
export interface PlanRequest {
  /** What the rewards are: 0/1 with this rate in the control, or any numbers with this spread. */
  readonly outcome:
    | { readonly kind: "proportion"; readonly baseline: number }
    | { readonly kind: "mean"; readonly standardDeviation: number };
  /** Treatment − control. Absent: the smallest that is found is asked for. */
  readonly effect?: number;
  /** Observations of the control. Absent: the smallest that suffice are asked for. */
  readonly controlSize?: number;
  readonly power: number;
  readonly alpha: number;
  readonly allocationRatio: number;
  readonly looks: "once" | "any_time";
  readonly tightestAt: number;
  /** Whether the smallest rise or the smallest fall of a rate is asked for. */
  readonly direction: "rise" | "fall";
}

/** Answers the question that a request leaves open: the size, the power, or the smallest effect that is found. */
export function planExperiment(request: PlanRequest): Result<Plan> {
  const { outcome, effect, controlSize, alpha, power, looks, allocationRatio, direction } = request;
  const judged = { alpha, looks, tightestAtN: request.tightestAt };
  const model =
    outcome.kind === "mean"
      ? meansModel(outcome.standardDeviation, judged)
      : proportionsModel({ controlRate: outcome.baseline, direction }, judged);
  if (controlSize === undefined) {
    return leastArms(effect ?? 0, model, { ...judged, power, allocationRatio });
  }
  const sizes = {
    controlN: controlSize,
    treatmentN: treatmentSize(controlSize, allocationRatio),
  };
  if (effect === undefined) return leastEffect(sizes, model, { ...judged, power });
  return powerOf(sizes, effect, model, judged);
}
