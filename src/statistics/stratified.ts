import type { ArmDifference, ArmValue } from "./aipw.ts";
import {
  acceptFinite,
  alphaDefault,
  checkAlpha,
  type LevelOption,
  normalInterval,
  normalTest,
} from "./comparison.ts";
import type { Overlap } from "./overlap.ts";
import {
  outOfRange,
  type Refusal,
  type RefusalReason,
  type Result,
  refusal,
  refuse,
} from "./result.ts";

/** A part of the traffic that is estimated by itself, e.g. a code type. */
export interface Stratum<Value> {
  /** For messages. */
  readonly name: string;
  /** Decisions in it, with a reward or without: its part of the traffic. Whole, 0 or more. */
  readonly decisions: number;
  /** Of its decisions alone: scores of different strata are uncorrelated, also where what is learned is shared. */
  readonly result: Result<Value>;
}

export interface LeftOutStratum {
  readonly name: string;
  /** Of the traffic, in [0,1]. */
  readonly share: number;
  readonly refusal: Refusal;
}

/** What part of the traffic a number is about. */
export interface Coverage {
  /** From 0.9 to 1. */
  readonly coveredShare: number;
  /** Strata without a number, the largest first. */
  readonly leftOut: readonly LeftOutStratum[];
}

export interface StratifiedValue extends ArmValue, Coverage {}

export interface StratifiedDifference extends ArmDifference, Coverage {}

/** With less of the traffic a number is not about the traffic any more. */
const coveredShareMin = 0.9;

/** A stratum says too little. Any other reason means that the log is broken: then no part of it is believed. */
const silences: ReadonlySet<RefusalReason> = new Set([
  "empty",
  "too_few",
  "zero_variance",
  "too_skewed",
  "no_overlap",
]);

interface Part<Value> {
  /** Of the covered traffic; they add up to 1. */
  readonly share: number;
  readonly value: Value;
}

/**
 * The value of an arm over all strata: Σ share_c · value_c with the variance Σ share_c² · se_c² (Cochran, *Sampling
 * Techniques*, 3rd ed. 1977, theorems 5.1 and 5.2), share_c the stratum's share of the decisions, taken as given:
 * the number is about traffic made up like that of the log. One accumulator over all strata is no substitute: its
 * weights follow the propensities, so strata count by how evenly they are split instead of by their traffic.
 *
 * Strata that say too little are left out, the shares of the others are made to add up to 1, and `leftOut` names
 * them. Refuses when the other strata have less than 90 % of the traffic, and when a stratum's log is invalid.
 * `effectiveSampleSize` is that of the importance weights scaled to the shares, 1 / Σ share_c² / n_c.
 */
export function stratifiedValue(
  strata: readonly Stratum<ArmValue>[],
  { alpha = alphaDefault }: LevelOption = {},
): Result<StratifiedValue> {
  const covered = coveredParts(strata, alpha);
  if (!covered.ok) return covered;
  const { parts, ...coverage } = covered.value;
  return acceptFinite({
    ...normalInterval(combined(parts), alpha),
    ...overlapOf(parts),
    ...coverage,
  });
}

/** The same for the difference of an arm from the control. */
export function stratifiedDifference(
  strata: readonly Stratum<ArmDifference>[],
  { alpha = alphaDefault }: LevelOption = {},
): Result<StratifiedDifference> {
  const covered = coveredParts(strata, alpha);
  if (!covered.ok) return covered;
  const { parts, ...coverage } = covered.value;
  const overlapIn = (arm: "treatment" | "control"): Overlap =>
    overlapOf(parts.map(({ share, value }) => ({ share, value: value[arm] })));
  return acceptFinite({
    ...normalTest(combined(parts), alpha),
    treatment: overlapIn("treatment"),
    control: overlapIn("control"),
    ...coverage,
  });
}

/**
 * The strata with a number and their shares of the covered traffic. Refuses as {@link stratifiedValue} does.
 */
export function coveredParts<Value>(
  strata: readonly Stratum<Value>[],
  alpha: number,
): Result<Coverage & { readonly parts: readonly Part<Value>[] }> {
  const problem = checkAlpha(alpha) ?? checkStrata(strata);
  if (problem !== undefined) return { ok: false, refusal: problem };
  const total = decisionsOf(strata);
  const known: { decisions: number; value: Value }[] = [];
  const leftOut: LeftOutStratum[] = [];
  for (const { name, decisions, result } of strata) {
    if (result.ok) known.push({ decisions, value: result.value });
    else leftOut.push({ name, share: decisions / total, refusal: result.refusal });
  }
  leftOut.sort((a, b) => b.share - a.share);
  const coveredDecisions = decisionsOf(known);
  const coveredShare = coveredDecisions / total;
  const [largest] = leftOut;
  if (largest !== undefined && coveredShare < coveredShareMin) {
    const { name, share, refusal } = largest;
    if (strata.length === 1) return { ok: false, refusal };
    return refuse(
      refusal.reason,
      `${name} has ${percent(share)} of the traffic and no number (${refusal.message}); ` +
        `the numbers that there are stand for ${percent(coveredShare)}, and ${percent(coveredShareMin)} are needed`,
    );
  }
  const parts = known.map(({ decisions, value }) => ({
    share: decisions / coveredDecisions,
    value,
  }));
  return { ok: true, value: { parts, coveredShare, leftOut } };
}

function checkStrata(strata: readonly Stratum<unknown>[]): Refusal | undefined {
  for (const { name, decisions, result } of strata) {
    if (!Number.isInteger(decisions) || decisions < 0) {
      return outOfRange(`${name} has ${decisions} decisions`);
    }
    if (result.ok || silences.has(result.refusal.reason)) continue;
    const { reason, message } = result.refusal;
    return { reason, message: strata.length === 1 ? message : `in ${name}: ${message}` };
  }
  if (decisionsOf(strata) > 0) return undefined;
  return refusal("empty", "the log has no decisions");
}

function decisionsOf(strata: readonly { readonly decisions: number }[]): number {
  return strata.reduce((sum, { decisions }) => sum + decisions, 0);
}

function combined(
  parts: readonly Part<{ readonly estimate: number; readonly standardError: number }>[],
): { readonly estimate: number; readonly standardError: number } {
  let estimate = 0;
  let variance = 0;
  for (const { share, value } of parts) {
    estimate += share * value.estimate;
    variance += (share * value.standardError) ** 2;
  }
  return { estimate, standardError: Math.sqrt(variance) };
}

function overlapOf(parts: readonly Part<Overlap>[]): Overlap {
  let served = 0;
  let meanWeight = 0;
  let perReward = 0;
  for (const { share, value } of parts) {
    served += value.served;
    meanWeight += share * value.meanWeight;
    perReward += share ** 2 / value.effectiveSampleSize;
  }
  return { served, effectiveSampleSize: 1 / perReward, meanWeight };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
