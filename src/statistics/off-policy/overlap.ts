import { type Refusal, refusal } from "../result.ts";

/** The weights an estimator puts on the rows: how much of the log it uses, and whether it is all there. */
export interface WeightSummary {
  /** Kish's (Σw)² / Σw²: as many equally weighted rows would say as much. */
  readonly effectiveSampleSize: number;
  /** 1 in expectation, if the propensities are right and every arm of the candidate could be served. */
  readonly meanWeight: number;
  readonly meanWeightStandardError: number;
  readonly largestWeight: number;
}

export interface OverlapLimits {
  readonly rows: number;
  readonly effectiveSampleSizeMin: number;
}

/** Standard errors the mean weight may be away from 1: passed by chance less than once in 10,000 logs. */
const deviationsMax = 4;
/** Allowed on top: propensities that were rounded when they were logged miss by that much and do no harm. */
const tolerance = 0.01;
/** A hundred equal weights are worth a hundred rows, whatever the last digit says. */
const rounding = 1e-9;
/** Largest share of the candidate on arms never served in a context that a model may fill in. */
const unservedShareMax = 0.1;

/** Why an estimator that weighs the rows must not give a number; undefined if it may. */
export function checkOverlap(weights: WeightSummary, limits: OverlapLimits): Refusal | undefined {
  if (weights.meanWeight === 0) {
    return noOverlap("the log never served an arm that the candidate policy would serve");
  }
  return (
    checkEffectiveRows(weights, limits) ??
    checkMeanNotAbove(weights) ??
    (weights.meanWeight >= 1 - marginOf(weights)
      ? undefined
      : wrongMean(
          weights,
          "the candidate policy serves arms where the log could not, or the propensities are too large",
        ))
  );
}

/** Refused: fewer equally weighted rows than asked for. */
export function checkEffectiveRows(
  { effectiveSampleSize, largestWeight }: WeightSummary,
  { rows, effectiveSampleSizeMin }: OverlapLimits,
): Refusal | undefined {
  if (effectiveSampleSize >= effectiveSampleSizeMin * (1 - rounding)) return undefined;
  return noOverlap(
    `${rows} rows say as much as ${digits(effectiveSampleSize)} equally weighted ones ` +
      `(largest weight ${digits(largestWeight)}); at least ${effectiveSampleSizeMin} are needed`,
  );
}

/** Refused: a mean above 1. Weights that were cut off at a threshold may be below, never above. */
export function checkMeanNotAbove(weights: WeightSummary): Refusal | undefined {
  if (weights.meanWeight <= 1 + marginOf(weights)) return undefined;
  return wrongMean(weights, "the propensities are too small");
}

function marginOf({ meanWeightStandardError }: WeightSummary): number {
  return deviationsMax * meanWeightStandardError + tolerance;
}

function wrongMean({ meanWeight, meanWeightStandardError }: WeightSummary, cause: string): Refusal {
  return noOverlap(
    `the mean weight is ${digits(meanWeight)} ± ${digits(meanWeightStandardError)} and not 1: ${cause}`,
  );
}

/** Why a model must not stand in for arms that were never served; undefined if it may. */
export function checkUnserved(unservedShare: number): Refusal | undefined {
  if (unservedShare <= unservedShareMax) return undefined;
  return noOverlap(
    `a share of ${digits(unservedShare)} of the candidate policy is on arms that the log never served in ` +
      `that context; the model would have to make them up (limit ${unservedShareMax})`,
  );
}

function noOverlap(message: string): Refusal {
  return refusal("no_overlap", message);
}

function digits(value: number): string {
  return String(Number(value.toPrecision(4)));
}
