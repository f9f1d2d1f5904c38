/**
 * The weights of a log, sorted into bins by thresholds, so that "all rows with a weight up to τ" is a sum of
 * bins for every threshold τ that may be asked for later.
 */
export class WeightBins {
  /** Upper ends of the bins, both rising; the last one is Infinity. */
  readonly thresholds: readonly number[];

  /**
   * @param threshold the only one that will be asked for, above 0; absent: half octaves from 1 to 2^20. A weight
   * below 1 costs nothing, and finer steps than a factor of 1.41 change no estimate that matters.
   */
  constructor(threshold?: number) {
    this.thresholds =
      threshold === undefined
        ? [...Array.from({ length: 41 }, (_, step) => 2 ** (step / 2)), Number.POSITIVE_INFINITY]
        : [threshold, Number.POSITIVE_INFINITY];
  }

  /** The bin whose end is the first not below the weight. */
  binOf(weight: number): number {
    let low = 0;
    let high = this.thresholds.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (weight <= (this.thresholds[middle] as number)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
