import { type HolmDecision, holmAdjustment } from "../holm.ts";
import { accept, type Result, refuse } from "../result.ts";
import type { RewardRule } from "./compared-decision.ts";

/** Request of a comparison, with fixed or adaptive shares. */
export interface ComparisonRequest extends RewardRule {
  readonly control: string;
  /** Empty: every other arm of the log. */
  readonly treatments: readonly string[];
  /** How often an interval is to cover, in (0,1). */
  readonly level: number;
  /** Rewards need not be in [0,1]. */
  readonly unbounded: boolean;
}

/**
 * The treatments that were asked for, or every arm but the control, sorted. A log without decisions has no arms to
 * find fault with. The message of a refusal begins with `control` or `treatment` and the arm.
 */
export function treatmentsOf(
  { control, treatments }: ComparisonRequest,
  arms: ReadonlySet<string>,
): Result<readonly string[]> {
  if (arms.size === 0) return accept(treatments);
  const has = `the log has no such arm; it has: ${[...arms].sort().join(", ")}`;
  if (!arms.has(control)) return refuse("unknown_arm", `control ${control}: ${has}`);
  const unknown = treatments.find((arm) => !arms.has(arm));
  if (unknown !== undefined) return refuse("unknown_arm", `treatment ${unknown}: ${has}`);
  if (treatments.length > 0) return accept(treatments);
  return accept([...arms].filter((arm) => arm !== control).sort());
}

/** Results of one method for all treatments, each with its p-value after Holm; a refused one counts as a p-value of 1. */
export function adjusted<Value extends { readonly pValue: number }>(
  results: readonly Result<Value>[],
  alpha: number,
): readonly Result<Value & { readonly adjustedPValue: number }>[] {
  const holm: Result<readonly HolmDecision[]> = holmAdjustment(
    results.map((result) => (result.ok ? result.value.pValue : 1)),
    { alpha },
  );
  return results.map((result, index) => {
    if (!result.ok || !holm.ok) return result.ok ? (holm as Result<never>) : result;
    const { adjustedPValue } = holm.value[index] as HolmDecision;
    return accept({ ...result.value, adjustedPValue });
  });
}
