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
  /** From the last reset to the estimated change; where values were expected, what the ones since were expected to be. */
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
  /** Σ weight × what the value was expected to be. */
  readonly expected: number;
  readonly observations: number;
}

/** One direction: max(0, …) form of U_t − min U, and the sums where it was last 0. */
interface Side {
  readonly statistic: number;
  readonly before: Sums;
}

const zeroSums: Sums = { weight: 0, total: 0, expected: 0, observations: 0 };
const zeroSide: Side = { statistic: 0, before: zeroSums };

/**
 * Page–Hinkley detector of a change of the mean (Page, Biometrika 41, 1954; Hinkley, Biometrika 58, 1971) of
 * values in [0,1] that carry a weight in (0,1]:
 *
 *     decrease: U_t = Σ w_i (e_i − x_i − δ), alarm when U_t − min_{s≤t} U_s > λ
 *     increase: the same with x_i − e_i
 *
 * e_i is what the i-th value was expected to be; not given, the weighted mean of the values so far, this one included. U_t − min U is kept as
 * max(0, previous + step): the same number, without a sum that grows for ever. The change is estimated to be
 * where that was last 0, the minimum of U. After an alarm everything starts anew, the mean too.
 *
 * Not a test: what is kept in bounds is the mean time between false alarms, not a probability. Pure, constant memory.
 */
export class PageHinkley {
  #options: PageHinkleyOptions;
  #sums: Sums = zeroSums;
  #decrease: Side = zeroSide;
  #increase: Side = zeroSide;

  constructor(options: PageHinkleyOptions = pageHinkleyDefaults) {
    this.#options = checked(options);
  }

  /** From the next value on; what has piled up stays. */
  set options(options: PageHinkleyOptions) {
    this.#options = checked(options);
  }

  /**
   * Values in order of time. A value outside [0,1] or a weight outside (0,1] is ignored: a detector must not
   * fail the call that feeds it. A weight below 1 is an outcome of which only that part is known.
   * @param expected in [0,1], for every value of a detector or for none
   */
  push(value: number, weight: number, expected?: number): PageHinkleyAlarm | undefined {
    if (!(value >= 0 && value <= 1 && weight > 0 && weight <= 1)) return undefined;
    const { direction, tolerance, threshold, weightMin } = this.#options;
    const sums = {
      weight: this.#sums.weight + weight,
      total: this.#sums.total + weight * value,
      expected: this.#sums.expected + weight * (expected ?? 0),
      observations: this.#sums.observations + 1,
    };
    this.#sums = sums;
    // The first mean is from weightMin outcomes: until then the minimum moves along.
    const settled = sums.weight - weight >= weightMin;
    const shift = value - (expected ?? sums.total / sums.weight);
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
    const { weight, total, expected, observations } = this.#sums;
    const since = weight - before.weight;
    this.#sums = zeroSums;
    this.#decrease = zeroSide;
    this.#increase = zeroSide;
    return {
      direction,
      meanBefore:
        expected > 0
          ? withinUnit((expected - before.expected) / since)
          : before.total / before.weight,
      meanSince: withinUnit((total - before.total) / since),
      changeIndex: before.observations,
      observations,
    };
  }
}

function advance(side: Side, sums: Sums, step: number): Side {
  const statistic = Math.max(0, side.statistic + step);
  return statistic === 0 ? { statistic, before: sums } : { statistic, before: side.before };
}

/** Rounding of differences may lead out of [0,1]. */
function withinUnit(mean: number): number {
  return Math.min(1, Math.max(0, mean));
}

function checked(options: PageHinkleyOptions): PageHinkleyOptions {
  const { tolerance, threshold, weightMin } = options;
  invariant(tolerance >= 0, "the tolerance is 0 or more");
  invariant(threshold > 0, "the threshold is above 0");
  invariant(weightMin > 0, "the least weight is above 0");
  return options;
}
