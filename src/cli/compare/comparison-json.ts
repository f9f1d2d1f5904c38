import type { Weighting } from "../../statistics/aipw.ts";
import type { BoundedLook } from "../../statistics/bounded-sequence.ts";
import type { Comparison } from "../../statistics/comparison.ts";
import type { CupedComparison } from "../../statistics/cuped.ts";
import type { AdaptiveComparison } from "../../statistics/experiments/adaptive-comparison.ts";
import type { RewardRule } from "../../statistics/experiments/compared-decision.ts";
import type {
  FixedComparison,
  FixedEffect,
} from "../../statistics/experiments/fixed-comparison.ts";
import type { Result } from "../../statistics/result.ts";
import type { SampleRatio } from "../../statistics/sample-ratio.ts";
import type { Coverage } from "../../statistics/stratified.ts";
import { resultJson } from "../text/result-json.ts";

/** The log and the options of the comparison. */
export interface ComparedLog extends RewardRule {
  readonly log: string;
  readonly level: number;
  readonly control: string;
  readonly notDrawn: number;
}

/** What every report says of the log. */
export type LogJson = ReturnType<typeof logJson>;
/** An effect; the numbers are null where it was refused, `standard_error` also for an exact sequence. */
export type EffectJson = ReturnType<typeof effectJson>;
export type SampleRatioJson = ReturnType<typeof sampleRatioJson>;
/** What `banditd compare --shares adaptive --json` prints. */
export type AdaptiveReport = ReturnType<typeof adaptiveReport>;
/** What `banditd compare --shares fixed --json` prints. */
export type FixedReport = ReturnType<typeof fixedReport>;

const estimateNames = { estimate: "estimate", low: "low", high: "high" } as const;
const errorName = { standard_error: "standardError" } as const;
const pNames = { p_value: "pValue", adjusted_p_value: "adjustedPValue" } as const;

export function adaptiveReport(
  log: ComparedLog & { readonly weighting: Weighting },
  comparison: AdaptiveComparison,
) {
  return {
    ...logJson(log, comparison),
    shares: "adaptive" as const,
    weighting: log.weighting,
    contexts: comparison.contexts,
    sample_ratio: sampleRatioJson(comparison.sampleRatio),
    any_time_sample_ratio: sampleRatioJson(comparison.anyTimeSampleRatio),
    arms: comparison.arms.map(({ arm, served, expected, value }) => ({
      arm,
      served,
      expected: expected ?? null,
      value: {
        ...resultJson(value, {
          ...estimateNames,
          ...errorName,
          effective_sample_size: "effectiveSampleSize",
          mean_weight: "meanWeight",
        }),
        ...coverageJson(value),
      },
    })),
    comparisons: comparison.comparisons.map(({ treatment, difference, sequence, equality }) => ({
      treatment,
      difference: {
        ...resultJson(difference, { ...estimateNames, ...errorName, ...pNames }),
        treatment_effective_sample_size: difference.ok
          ? difference.value.treatment.effectiveSampleSize
          : null,
        control_effective_sample_size: difference.ok
          ? difference.value.control.effectiveSampleSize
          : null,
        ...coverageJson(difference),
      },
      sequence: { ...exactJson(sequence), ...coverageJson(sequence) },
      equality: resultJson(equality, {
        e_value: "eValue",
        log_e_value: "logEValue",
        ...pNames,
        treatment_rewards: "treatmentN",
        control_rewards: "controlN",
      }),
    })),
  };
}

export function fixedReport(log: ComparedLog, comparison: FixedComparison) {
  const { best } = comparison;
  return {
    ...logJson(log, comparison),
    shares: "fixed" as const,
    equal_shares_assumed: comparison.equalSharesAssumed,
    decisions_of_other_arms: comparison.decisionsOfOtherArms,
    propensities_moved: comparison.propensitiesMoved,
    sample_ratio: sampleRatioJson(comparison.sampleRatio),
    any_time_sample_ratio: sampleRatioJson(comparison.anyTimeSampleRatio),
    arms: comparison.arms.map(({ mean, standardDeviation, ...arm }, index) => ({
      ...arm,
      mean: mean ?? null,
      standard_deviation: standardDeviation ?? null,
      best_probability: best.ok ? (best.value[index]?.bestProbability ?? null) : null,
      expected_loss: best.ok ? (best.value[index]?.expectedLoss ?? null) : null,
    })),
    best_refusal: best.ok ? null : best.refusal,
    comparisons: comparison.comparisons.map((one) => ({
      treatment: one.treatment,
      difference: effectJson(one.difference),
      relative: effectJson(one.relative),
      proportions: effectJson(one.proportions),
      exact_proportions: exactJson(one.exactProportions),
      relative_proportions: effectJson(one.relativeProportions),
      sequence: effectJson(one.sequence),
      relative_sequence: effectJson(one.relativeSequence),
      bounded_sequence: exactJson(one.boundedSequence),
      cuped: one.cuped === undefined ? null : cupedJson(one.cuped),
    })),
  };
}

function logJson(
  { log, level, missing, includeOpenWindows, control, notDrawn }: ComparedLog,
  { treatments, counts }: AdaptiveComparison | FixedComparison,
) {
  return {
    log,
    level,
    missing,
    open_windows_included: includeOpenWindows,
    control,
    treatments,
    decisions: counts.decisions,
    decisions_not_drawn: notDrawn,
    decisions_without_reward: counts.withoutReward,
    decisions_window_open: counts.windowOpen,
    rewards: counts.rewards,
  };
}

function effectJson(effect: FixedEffect<Comparison>) {
  return resultJson(effect, { ...estimateNames, ...errorName, ...pNames });
}

function exactJson(
  effect: FixedEffect<Pick<BoundedLook, keyof typeof estimateNames | "pValue">>,
): EffectJson {
  return { ...resultJson(effect, { ...estimateNames, ...pNames }), standard_error: null };
}

function cupedJson(effect: FixedEffect<CupedComparison>) {
  const variance_reduction = effect.ok ? effect.value.varianceReduction : null;
  return { ...effectJson(effect), variance_reduction };
}

function sampleRatioJson(result: Result<SampleRatio>) {
  return resultJson(result, { p_value: "pValue", mismatch: "mismatch" });
}

/** What part of the traffic a number is about, and the contexts that are left out of it. */
function coverageJson(result: Result<Coverage>) {
  const leftOut = result.ok ? result.value.leftOut : [];
  return {
    covered_share: result.ok ? result.value.coveredShare : null,
    left_out: leftOut.map(({ name: context, ...part }) => ({ context, ...part })),
  };
}
