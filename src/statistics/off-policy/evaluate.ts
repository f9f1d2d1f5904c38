import { accept, type Refusal, type Result, refusal, refuse, unless } from "../result.ts";
import type { ContextSums } from "./context-sums.ts";
import { directMethod, doublyRobust } from "./doubly-robust.ts";
import type { Diagnostics, Evaluation, SwitchEstimate } from "./evaluation.ts";
import {
  inversePropensityScore,
  selfNormalised,
  selfNormalisedMean,
} from "./inverse-propensity.ts";
import { type ModelSums, modelSums } from "./model-sums.ts";
import {
  checkEffectiveRows,
  checkMeanNotAbove,
  checkOverlap,
  checkUnserved,
  type OverlapLimits,
} from "./overlap.ts";
import { RewardModel } from "./reward-model.ts";
import { chooseThreshold, keptWeights } from "./switch-threshold.ts";
import { type MeanAndVariance, valueEstimate, weightedEstimate } from "./value-estimate.ts";
import type { WeightMoments } from "./weight-moments.ts";

/** A log with at least one row, as sums. */
export interface LogSums {
  readonly policyArms: readonly string[];
  /** 1 for each of `policyArms` that was served. */
  readonly armsServed: Uint8Array;
  readonly otherArmCount: number;
  readonly contexts: readonly ContextSums[];
  /** Of w and w·r. */
  readonly weights: WeightMoments;
  /** Of 1 and r. */
  readonly rewards: WeightMoments;
  /** All sums are of reward − shift, the first one: what rewards have in common costs no digits. */
  readonly shift: number;
  readonly rewardMin: number;
  readonly rewardMax: number;
  readonly foldRows: Float64Array;
  readonly foldRewards: Float64Array;
  readonly shrinkage: number;
  /** Upper ends of the weight bins. */
  readonly thresholds: readonly number[];
  readonly largestWeights: Float64Array;
  /** Given by the caller; absent: to be chosen among `thresholds`. */
  readonly threshold?: number;
}

export interface EvaluateOptions {
  /** Probability with which an interval covers, in (0,1); 0.95 if not given. */
  readonly level?: number;
  /** Fewest equally weighted rows that the weights must be worth, at least 1; 100 if not given. */
  readonly effectiveSampleSizeMin?: number;
}

const levelDefault = 0.95;
const effectiveSampleSizeMinDefault = 100;
/** With fewer, one row alone makes the standard error, and the next log may have none. */
const standardErrorRowsMin = 2;
const armsNamedMax = 5;

/** Every estimator's answer. Formulas: docs/concepts/off-policy.md. */
export function evaluate(log: LogSums, options: EvaluateOptions): Result<Evaluation> {
  const level = options.level ?? levelDefault;
  if (!(level > 0 && level < 1)) {
    return refuse("out_of_range", `the level must be between 0 and 1, not ${level}`);
  }
  const effectiveSampleSizeMin = options.effectiveSampleSizeMin ?? effectiveSampleSizeMinDefault;
  if (!(effectiveSampleSizeMin >= 1)) {
    return refuse(
      "out_of_range",
      `the least effective sample size must be at least 1, not ${effectiveSampleSizeMin}`,
    );
  }
  const { weights, shift } = log;
  const { rows } = weights;
  const sums = modelSums({
    contexts: log.contexts,
    model: new RewardModel({ ...log, armCount: log.policyArms.length }),
    armCount: log.policyArms.length,
    rows,
    binCount: log.thresholds.length,
  });
  const diagnostics = diagnose(log, sums);
  if (!Object.values(diagnostics).every(Number.isFinite)) {
    return refuse(
      "not_finite",
      "the rewards and weights are too large or too far apart to compute with",
    );
  }
  const limits = { rows, effectiveSampleSizeMin };
  const unusable = unknownArms(log) ?? checkRows(rows);
  const unweighable = unusable ?? checkOverlap(diagnostics, limits) ?? checkSpread(diagnostics);
  const unmodelled = unusable ?? checkUnserved(sums.unservedShare);
  const weighted = (mean: MeanAndVariance) =>
    unless(unweighable, () => weightedEstimate(mean, diagnostics, level));
  return accept({
    onPolicy: unless(checkRows(rows), () =>
      valueEstimate(inversePropensityScore(log.rewards, shift), level),
    ),
    diagnostics,
    ips: weighted(inversePropensityScore(weights, shift)),
    snips: weighted(selfNormalised(weights, shift)),
    dm: unless(unmodelled ?? checkRows(rows, effectiveSampleSizeMin), () =>
      weightedEstimate(directMethod(sums, { rows, shift }), diagnostics, level),
    ),
    dr: weighted(doublyRobust(sums, { rows, shift })),
    switchDr: unless(unmodelled, () =>
      switchDr(log, sums, { level, limits, narrow: checkSpread(diagnostics) }),
    ),
  });
}

function switchDr(
  log: LogSums,
  sums: ModelSums,
  options: {
    readonly level: number;
    readonly limits: OverlapLimits;
    /** Why no standard error can be had of all rows. */
    readonly narrow: Refusal | undefined;
  },
): Result<SwitchEstimate> {
  const choices = keptWeights(log).map((kept, lastBin) => ({
    kept,
    mean: doublyRobust(sums, { rows: log.weights.rows, shift: log.shift, lastBin }),
  }));
  const tooLarge = choices.flatMap(({ kept }) => checkMeanNotAbove(kept) ?? [])[0];
  if (tooLarge !== undefined) return { ok: false, refusal: tooLarge };
  const choice = chooseThreshold(
    log.threshold === undefined ? choices : choices.slice(0, 1),
    (kept) =>
      checkEffectiveRows(kept, options.limits) ??
      (kept.threshold === undefined ? options.narrow : undefined),
  );
  if (!choice.ok) return choice;
  const { kept, mean } = choice.value;
  const estimate = weightedEstimate(mean, kept, options.level);
  if (!estimate.ok) return estimate;
  const { threshold, biasBound } = kept;
  if (!Number.isFinite(biasBound)) {
    return refuse("not_finite", "the rewards are too far apart to compute with");
  }
  return accept({ ...estimate.value, threshold, biasBound });
}

function diagnose(log: LogSums, sums: ModelSums): Diagnostics {
  const { weights } = log;
  const { rows, meanWeight } = weights;
  const centre = selfNormalisedMean(weights);
  const squares = weights.spreadAbout(centre);
  const fourth = weights.fourthPowersAbout(centre);
  return {
    rows,
    contexts: log.contexts.length,
    candidateArmsServed: log.armsServed.reduce((sum, served) => sum + served, 0),
    otherArms: log.otherArmCount,
    effectiveSampleSize: weights.effectiveSampleSize(),
    meanWeight,
    meanWeightStandardError: rows > 1 ? Math.sqrt(weights.weightSquares / (rows * (rows - 1))) : 0,
    largestWeight: weights.largestWeight,
    unservedShare: sums.unservedShare,
    standardErrorRows: squares === 0 || fourth === 0 ? 0 : (squares / fourth) * squares,
  };
}

/** The arms that the candidate serves in a context of the log and the log never served at all. */
function unknownArms(log: LogSums): Refusal | undefined {
  const unknown = log.policyArms.filter(
    (_, arm) =>
      log.armsServed[arm] === 0 &&
      log.contexts.some((context) => (context.shares[arm] as number) > 0),
  );
  if (unknown.length === 0) return undefined;
  const named = unknown.slice(0, armsNamedMax).join(", ");
  const more = unknown.length > armsNamedMax ? ` and ${unknown.length - armsNamedMax} more` : "";
  return refusal(
    "unknown_arm",
    `the candidate policy serves arms that the log never served: ${named}${more}`,
  );
}

function checkRows(rows: number, rowsMin = 2): Refusal | undefined {
  if (rows >= rowsMin) return undefined;
  return refusal("too_few", `the log has ${rows} rows; at least ${rowsMin} are needed`);
}

function checkSpread({ standardErrorRows }: Diagnostics): Refusal | undefined {
  if (standardErrorRows === 0 || standardErrorRows >= standardErrorRowsMin * (1 - 1e-9)) {
    // Two rows are two, whatever the last digit says.
    return undefined;
  }
  return refusal(
    "too_few",
    "one row makes almost all of the standard error: the spread of the rewards cannot be estimated",
  );
}
