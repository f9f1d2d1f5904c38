/**
 * The distribution of one arm's value, on a line that it shares with the other arms, tabulated so that
 * evaluating it at many points is cheap. What {@link bestProbabilities} and {@link expectedLosses} work on.
 */
export interface ArmDistribution {
  /** Ends of the support, up to a mass of 1e-9 each. */
  readonly low: number;
  readonly high: number;
  /** Length on which density and distribution function bend about once, to the right of a point ≥ {@link low}. */
  scaleAt(point: number): number;
  /**
   * Writes distribution function and density at the first `count` of the ascending `points` to
   * `cdf[offset…]` and `density[offset…]`: 0 and 0 below `low`, 1 and 0 above `high`.
   */
  evaluate(
    points: Float64Array,
    count: number,
    cdf: Float64Array,
    density: Float64Array,
    offset: number,
  ): void;
}
