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
  const { meanWeight, effectiveSampleSize } = weights;
  if (meanWeight === 0) {
    return noOverlap("the log never served an arm that the candidate policy would serve");
  }
  if (effectiveSampleSize < limits.effectiveSampleSizeMin * (1 - rounding)) {
    return noOverlap(
      `${limits.rows} rows say as much as ${digits(effectiveSampleSize)} equally weighted ones ` +
        `(largest weight ${digits(weights.largestWeight)}); at least ${limits.effectiveSampleSizeMin} are needed`,
    );
  }
  const margin = deviationsMax * weights.meanWeightStandardError + tolerance;
  if (meanWeight >= 1 - margin && meanWeight <= 1 + margin) return undefined;
  return noOverlap(
    `the mean weight is ${digits(meanWeight)} ± ${digits(weights.meanWeightStandardError)} and not 1: ` +
      (meanWeight < 1
        ? "the candidate policy serves arms where the log could not, or the propensities are too large"
        : "the propensities are too small"),
  );
}

/** The same for weights that were cut off at a threshold: what is missing below 1 is left to the model. */
export function checkKeptOverlap(
  weights: WeightSummary,
  limits: OverlapLimits,
): Refusal | undefined {
  return checkOverlap({ ...weights, meanWeight: Math.max(weights.meanWeight, 1) }, limits);
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
