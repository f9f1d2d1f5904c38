import { normalSf } from "../numerics/normal.ts";
import { acceptFinite, alphaDefault, checkAlpha, type LevelOption } from "./comparison.ts";
import { sequenceBoundary } from "./confidence-sequence.ts";
import { outOfRange, type Refusal, type Result, refusal, refuse, unless } from "./result.ts";

export interface PlanOptions extends LevelOption {
  /**
   * How the experiment will be judged. `once`: by a test at its end ({@link welchTest},
   * {@link twoProportionTest}). `any_time`: by an always-valid sequence; the power is that of the last look,
   * so the experiment's is at least this. `once` if not given.
   */
  readonly looks?: "once" | "any_time";
  /** Of the sequence, as in its own options. 1,000 if not given. */
  readonly tightestAtN?: number;
}

export interface TargetOptions extends PlanOptions {
  /** Probability to find the effect, in (alpha,1). 0.8 if not given. */
  readonly power?: number;
}

export interface SampleSizeOptions extends TargetOptions {
  /** Treatment observations for each control observation, from 0.001 to 1,000. 1 if not given. */
  readonly allocationRatio?: number;
}

export interface ArmSizes {
  readonly controlN: number;
  readonly treatmentN: number;
}

export interface Plan extends ArmSizes {
  /** True difference, treatment − control. */
  readonly effect: number;
  /** Probability that a two-sided test at level alpha finds it. */
  readonly power: number;
}

const powerDefault = 0.8;
const tightestAtNDefault = 1000;
const armSizeMax = 1e12;

/** How rewards of one kind are judged. */
export interface PowerModel {
  /** Why there is no plan for such rewards, or none for this effect; undefined where there is one. */
  check(effect?: number): Refusal | undefined;
  /** Grows with the sizes and the effect. */
  power(sizes: ArmSizes, effect: number): number;
  /** Whether the arms are large enough for the method to say anything. */
  speaks(sizes: ArmSizes, effect: number): boolean;
  /** With the sign of the effects that are looked at. */
  furthestEffect(sizes: ArmSizes): number;
}

/** P(|Z + δ| > boundary). */
export function normalPower(noncentrality: number, boundary: number): number {
  return Math.min(1, normalSf(boundary - noncentrality) + normalSf(boundary + noncentrality));
}

export function boundaryOf(sizes: ArmSizes, options: PlanOptions): number {
  const { alpha = alphaDefault, tightestAtN = tightestAtNDefault } = options;
  return sequenceBoundary(sizes, { alpha, tightestAtN });
}

/** Observations of the treatment beside so many of the control. */
export function treatmentSize(controlN: number, allocationRatio: number): number {
  // Less a little, so that 0.1 · 30 is 3 and not 4.
  return Math.ceil(controlN * allocationRatio * (1 - 1e-12));
}

/** The power with which arms of these sizes find the effect. */
export function powerOf(
  sizes: ArmSizes,
  effect: number,
  model: PowerModel,
  options: PlanOptions,
): Result<Plan> {
  return unless(checkOptions(options) ?? model.check(effect) ?? checkSizes(sizes), () =>
    planOf(sizes, effect, model),
  );
}

/** The least arms that find the effect with the wanted power: doubling, then halving the last step. */
export function leastArms(
  effect: number,
  model: PowerModel,
  options: SampleSizeOptions,
): Result<Plan> {
  const problem = checkSampleSizeOptions(options) ?? model.check(effect);
  if (problem !== undefined) return { ok: false, refusal: problem };
  const { power = powerDefault, allocationRatio = 1 } = options;
  const sizesOf = (controlN: number): ArmSizes => ({
    controlN,
    treatmentN: Math.max(2, treatmentSize(controlN, allocationRatio)),
  });
  const enough = (controlN: number): boolean => {
    const sizes = sizesOf(controlN);
    return model.speaks(sizes, effect) && model.power(sizes, effect) >= power;
  };
  let high = 2;
  while (!enough(high)) {
    high *= 2;
    if (high > armSizeMax || high * allocationRatio > armSizeMax) {
      return refuse(
        "out_of_range",
        `the effect needs arms of more than ${armSizeMax} observations`,
      );
    }
  }
  let low = Math.floor(high / 2);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return planOf(sizesOf(high), effect, model);
}

/** The least effect that arms of these sizes find with the wanted power, by halving. */
export function leastEffect(
  sizes: ArmSizes,
  model: PowerModel,
  options: TargetOptions,
): Result<Plan> {
  const problem = checkTarget(options) ?? model.check() ?? checkSizes(sizes);
  if (problem !== undefined) return { ok: false, refusal: problem };
  const { power = powerDefault } = options;
  let low = 0;
  let high = model.furthestEffect(sizes);
  if (!(model.power(sizes, high) >= power)) {
    return refuse("too_few", "with arms of this size no effect is found with the wanted power");
  }
  for (let step = 0; step < 100; step += 1) {
    const middle = (low + high) / 2;
    if (model.power(sizes, middle) >= power) high = middle;
    else low = middle;
  }
  return planOf(sizes, high, model);
}

function planOf({ controlN, treatmentN }: ArmSizes, effect: number, model: PowerModel) {
  const sizes = { controlN, treatmentN };
  return acceptFinite({ ...sizes, effect, power: model.power(sizes, effect) });
}

function checkOptions({ alpha = alphaDefault, tightestAtN = tightestAtNDefault }: PlanOptions) {
  const problem = checkAlpha(alpha);
  if (problem !== undefined || (Number.isFinite(tightestAtN) && tightestAtN > 0)) return problem;
  return outOfRange(`tightestAtN must be a number above 0, not ${tightestAtN}`);
}

function checkTarget(options: TargetOptions): Refusal | undefined {
  const { alpha = alphaDefault, power = powerDefault } = options;
  const problem = checkOptions(options);
  if (problem !== undefined || (power > alpha && power < 1)) return problem;
  return outOfRange(`the power must be between alpha and 1, not ${power}`);
}

function checkSampleSizeOptions(options: SampleSizeOptions): Refusal | undefined {
  const { allocationRatio = 1 } = options;
  const problem = checkTarget(options);
  if (problem !== undefined || (allocationRatio >= 0.001 && allocationRatio <= 1000))
    return problem;
  return outOfRange(`the allocation ratio must be from 0.001 to 1000, not ${allocationRatio}`);
}

/** The refusal of an effect that cannot be found; undefined if it can. */
export function checkEffect(effect: number): Refusal | undefined {
  if (!Number.isFinite(effect)) return notFinite("the effect");
  return effect === 0 ? outOfRange("an effect of 0 cannot be found") : undefined;
}

function checkSizes({ controlN, treatmentN }: ArmSizes): Refusal | undefined {
  for (const n of [controlN, treatmentN]) {
    if (!Number.isFinite(n)) return notFinite("the size of an arm");
    if (!Number.isInteger(n) || n < 0 || n > armSizeMax) {
      return outOfRange(`the size of an arm must be a whole number up to ${armSizeMax}, not ${n}`);
    }
    if (n === 0) return refusal("empty", "an arm has no observations");
    if (n < 2) return refusal("too_few", "an arm needs two observations");
  }
  return undefined;
}

export function notFinite(what: string): Refusal {
  return refusal("not_finite", `${what} must be a finite number`);
}
