/** Values closer than this, relative to the largest, count as tied: far above rounding, far below anything learnable. */
const tieTolerance = 1e-12;

/**
 * 1 shared equally by the indices whose value is the largest, 0 for the others. Values are no NaN; +∞ ties
 * with +∞. Scaled up from the values' own size, so that ties of large values are found too.
 */
export function shareOfLargest(values: ArrayLike<number>): Float64Array {
  const count = values.length;
  let largest = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < count; at += 1) largest = Math.max(largest, values[at] as number);
  const least =
    largest === Number.POSITIVE_INFINITY
      ? largest
      : largest - tieTolerance * Math.max(Math.abs(largest), 1);
  let tied = 0;
  for (let at = 0; at < count; at += 1) if ((values[at] as number) >= least) tied += 1;
  return Float64Array.from(values, (value) => (value >= least ? 1 / tied : 0));
}
