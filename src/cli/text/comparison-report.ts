import { type HolmDecision, holmAdjustment } from "../../statistics/holm.ts";
import type { Refusal, Result } from "../../statistics/result.ts";
import type { SampleRatio } from "../../statistics/sample-ratio.ts";
import type { MissingReward } from "../logs/log-source.ts";

/** An effect; the numbers are null where it was refused. */
export interface EffectJson {
  readonly estimate: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** Null also for the exact sequence, which has none. */
  readonly standard_error: number | null;
  readonly p_value: number | null;
  /** After Holm, over the treatments. */
  readonly adjusted_p_value: number | null;
  readonly refusal: Refusal | null;
}

export interface SampleRatioJson {
  readonly p_value: number | null;
  readonly mismatch: boolean | null;
  readonly refusal: Refusal | null;
}

/** What every report says of the log. */
export interface LogJson {
  readonly log: string;
  readonly level: number;
  readonly missing: MissingReward;
  readonly control: string;
  readonly treatments: readonly string[];
  /** For which an arm was drawn. */
  readonly decisions: number;
  readonly decisions_not_drawn: number;
  readonly decisions_without_reward: number;
  /** Decisions whose reward may be to come. With missing `zero` they are left out. */
  readonly decisions_window_open: number;
  /** What the rewards are. */
  readonly rewards: "binary" | "in_range" | "out_of_range";
}

interface Effect {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  readonly standardError?: number;
  readonly pValue: number;
}

/** One method for all treatments, with p-values after Holm; a refused one counts as a p-value of 1. */
export function effectsJson(
  results: readonly Result<Effect>[],
  alpha: number,
): readonly EffectJson[] {
  const adjusted = adjustedPValues(results, alpha);
  return results.map((result, index) => {
    if (!result.ok) {
      return {
        estimate: null,
        low: null,
        high: null,
        standard_error: null,
        p_value: null,
        adjusted_p_value: null,
        refusal: result.refusal,
      };
    }
    const { estimate, low, high, standardError, pValue } = result.value;
    return {
      estimate,
      low,
      high,
      standard_error: standardError ?? null,
      p_value: pValue,
      adjusted_p_value: adjusted[index] ?? null,
      refusal: null,
    };
  });
}

export function adjustedPValues(
  results: readonly Result<{ readonly pValue: number }>[],
  alpha: number,
): readonly number[] {
  const adjusted: Result<readonly HolmDecision[]> = holmAdjustment(
    results.map((result) => (result.ok ? result.value.pValue : 1)),
    { alpha },
  );
  return adjusted.ok ? adjusted.value.map(({ adjustedPValue }) => adjustedPValue) : [];
}

export function sampleRatioJson(result: Result<SampleRatio>): SampleRatioJson {
  if (!result.ok) return { p_value: null, mismatch: null, refusal: result.refusal };
  const { pValue, mismatch } = result.value;
  return { p_value: pValue, mismatch, refusal: null };
}
