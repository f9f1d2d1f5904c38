import type { ModelSums } from "./model-sums.ts";
import type { MeanAndVariance } from "./value-estimate.ts";

/**
 * Direct method: V = Σ v / n with v = Σ over arms of π(a|x)·q̂(x,a). Its variance has two parts: that of the contexts,
 * s²(v)/n, and that of the model, which the rewards were drawn for: {@link ModelSums.rewardVariance}.
 */
export function directMethod(
  sums: ModelSums,
  { rows, shift }: { readonly rows: number; readonly shift: number },
): MeanAndVariance {
  return {
    value: shift + sums.value,
    variance: sums.valueSquares / (rows * (rows - 1)) + sums.rewardVariance,
  };
}

/**
 * Doubly robust: V = Σ t / n with t = v + w(r − q̂(x,a)) (Dudík, Erhan, Langford & Li 2014, "Doubly robust policy evaluation and optimization"), Var V = s²(t)/n. With
 * `lastBin`, rows with a weight above that bin are not corrected, t = v: switch-DR (Wang et al. 2017).
 */
export function doublyRobust(
  sums: ModelSums,
  {
    rows,
    shift,
    lastBin,
  }: { readonly rows: number; readonly shift: number; readonly lastBin?: number },
): MeanAndVariance {
  const bins = lastBin === undefined ? sums.corrections.length : lastBin + 1;
  let corrections = 0;
  let squares = sums.valueSquares;
  for (let bin = 0; bin < bins; bin += 1) {
    corrections += sums.corrections[bin] as number;
    squares += sums.correctionSquares[bin] as number;
  }
  // The squares are about the direct method's value; this takes them to the mean of t.
  const spread = Math.max(0, squares - corrections ** 2 / rows);
  return {
    value: shift + sums.value + corrections / rows,
    variance: spread / (rows * (rows - 1)),
  };
}
