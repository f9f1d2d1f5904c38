import { invariant } from "../domain/errors.ts";
import { policyDefaults } from "../domain/policy-defaults.ts";

export interface PageHinkleyOptions {
  /** Which way a change has to go. */
  readonly direction: "decrease" | "increase" | "both";
  /** δ, from 0, in units of the value: shifts of the mean that are smaller are not looked for. */
  readonly tolerance: number;
  /** λ, above 0: how much weight × (shift beyond the tolerance) must pile up. More: fewer false alarms, later true ones. */
  readonly threshold: number;
  /** Total weight from which the first mean is taken, above 0; 1 is one whole outcome. No alarm before. */
  readonly weightMin: number;
}

/** A change that was found. Means are weighted and in [0,1]. */
export interface PageHinkleyAlarm {
  readonly direction: "decrease" | "increase";
  /** From the last reset to the estimated change. */
  readonly meanBefore: number;
  /** From the estimated change to now: on the far side of `meanBefore` by more than the tolerance. */
  readonly meanSince: number;
  /** Index of the first value after the estimated change; the first value after the last reset has index 0. */
  readonly changeIndex: number;
  /** Values since the last reset, this one included. */
  readonly observations: number;
}

/**
 * One false alarm in about 110,000 outcomes of a fair coin, rarer for anything that varies less (measured; see
 * docs/concepts/adaptive-inference.md). Refused: a tolerance of 0.05 with a threshold of 20, as quiet but
 * deaf to one in ten drops from 0.5 to 0.4 after 1,000 outcomes, because the mean follows before the alarm.
 */
export const pageHinkleyDefaults: PageHinkleyOptions = {
  direction: "both",
  ...policyDefaults.changeDetection,
  weightMin: 50,
};

/** Sums over the values up to some moment since the last reset. */
interface Sums {
  readonly weight: number;
  /** Σ weight × value. */
  readonly total: number;
  readonly observations: number;
}

/** One direction: max(0, …) form of U_t − min U, and the sums where it was last 0. */
interface Side {
  readonly statistic: number;
  readonly before: Sums;
}

interface Memory {
  readonly sums: Sums;
  readonly decrease: Side;
  readonly increase: Side;
}

const zeroSums: Sums = { weight: 0, total: 0, observations: 0 };
const zeroSide: Side = { statistic: 0, before: zeroSums };
const stateLength = 11;

/**
 * Page–Hinkley detector of a change of the mean (Page, Biometrika 41, 1954; Hinkley, Biometrika 58, 1971) of
 * values in [0,1] that carry a weight in (0,1]:
 *
 *     decrease: U_t = Σ w_i (x̄_i − x_i − δ), alarm when U_t − min_{s≤t} U_s > λ
 *     increase: the same with x_i − x̄_i
 *
 * x̄_i is the weighted mean of the values so far, the i-th included. U_t − min U is kept as
 * max(0, previous + step): the same number, without a sum that grows for ever. The change is estimated to be
 * where that was last 0, the minimum of U. After an alarm everything starts anew, the mean too.
 *
 * Not a test: what is kept in bounds is the mean time between false alarms, not a probability. Pure, constant
 * memory; the state is plain numbers.
 */
export class PageHinkley {
  readonly #options: PageHinkleyOptions;
  #sums: Sums = zeroSums;
  #decrease: Side = zeroSide;
  #increase: Side = zeroSide;

  /** @param state of {@link state}, to go on from; anything that cannot have come from there starts anew. */
  constructor(options: PageHinkleyOptions = pageHinkleyDefaults, state: readonly number[] = []) {
    const { tolerance, threshold, weightMin } = options;
    invariant(tolerance >= 0, "the tolerance is 0 or more");
    invariant(threshold > 0, "the threshold is above 0");
    invariant(weightMin > 0, "the least weight is above 0");
    this.#options = options;
    const memory = parseState(state);
    if (memory === undefined) return;
    this.#sums = memory.sums;
    this.#decrease = memory.decrease;
    this.#increase = memory.increase;
  }

  /** Eleven finite numbers from 0: all that is remembered. */
  state(): readonly number[] {
    const numbers = ({ weight, total, observations }: Sums) => [weight, total, observations];
    const side = ({ statistic, before }: Side) => [statistic, ...numbers(before)];
    return [...numbers(this.#sums), ...side(this.#decrease), ...side(this.#increase)];
  }

  /**
   * Values in order of time. A value outside [0,1] or a weight outside (0,1] is ignored: a detector must not
   * fail the call that feeds it. A weight below 1 is an outcome of which only that part is known.
   */
  push(value: number, weight: number): PageHinkleyAlarm | undefined {
    if (!(value >= 0 && value <= 1 && weight > 0 && weight <= 1)) return undefined;
    const { direction, tolerance, threshold, weightMin } = this.#options;
    const sums = {
      weight: this.#sums.weight + weight,
      total: this.#sums.total + weight * value,
      observations: this.#sums.observations + 1,
    };
    this.#sums = sums;
    // The first mean is from weightMin outcomes: until then the minimum moves along.
    const settled = sums.weight - weight >= weightMin;
    const shift = value - sums.total / sums.weight;
    this.#decrease = advance(this.#decrease, sums, settled ? weight * (-shift - tolerance) : 0);
    this.#increase = advance(this.#increase, sums, settled ? weight * (shift - tolerance) : 0);
    if (direction !== "increase" && this.#decrease.statistic > threshold) {
      return this.#alarm("decrease", this.#decrease.before);
    }
    if (direction !== "decrease" && this.#increase.statistic > threshold) {
      return this.#alarm("increase", this.#increase.before);
    }
    return undefined;
  }

  #alarm(direction: PageHinkleyAlarm["direction"], before: Sums): PageHinkleyAlarm {
    const { weight, total, observations } = this.#sums;
    this.#sums = zeroSums;
    this.#decrease = zeroSide;
    this.#increase = zeroSide;
    return {
      direction,
      meanBefore: before.total / before.weight,
      // Rounding of the differences may lead out of [0,1].
      meanSince: Math.min(1, Math.max(0, (total - before.total) / (weight - before.weight))),
      changeIndex: before.observations,
      observations,
    };
  }
}

function advance(side: Side, sums: Sums, step: number): Side {
  const statistic = Math.max(0, side.statistic + step);
  return statistic === 0 ? { statistic, before: sums } : { statistic, before: side.before };
}

function parseState(state: readonly number[]): Memory | undefined {
  if (state.length !== stateLength) return undefined;
  if (!state.every((part) => part >= 0 && part < Number.POSITIVE_INFINITY)) return undefined;
  const at = (index: number): number => state[index] as number;
  const sumsAt = (index: number): Sums => ({
    weight: at(index),
    total: at(index + 1),
    observations: at(index + 2),
  });
  const sums = sumsAt(0);
  const decrease = { statistic: at(3), before: sumsAt(4) };
  const increase = { statistic: at(7), before: sumsAt(8) };
  const possible = sums.total <= sums.weight && [decrease, increase].every(isBefore(sums));
  return possible ? { sums, decrease, increase } : undefined;
}

/** Whether a side's minimum lies before now, or is now because nothing has piled up. */
function isBefore(now: Sums): (side: Side) => boolean {
  return ({ statistic, before }) =>
    before.total <= before.weight &&
    before.weight <= now.weight &&
    before.total <= now.total &&
    before.observations <= now.observations &&
    (statistic === 0 || (before.weight > 0 && before.weight < now.weight));
}
