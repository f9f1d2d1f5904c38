import {
  type ContextTotals,
  type RewardTotals,
  totalsAt,
  zeroTotals,
} from "../../domain/contribution.ts";
import type { TotalsDifference } from "../api/repair.ts";

/** Relative; of numbers near 0 that are sums of both signs, relative to the weight of the arm. */
const toleranceRelative = 1e-9;

/**
 * Where two totals, both as they count at the larger of their forgetting positions, are not the same; of the sums with
 * a context only the one that differs most. The positions themselves may differ: which one the sums of an arm refer
 * to depends on the order in which its generations were booked.
 */
export function differencesOf(
  liveTotals: RewardTotals = zeroTotals,
  recomputedTotals: RewardTotals = zeroTotals,
): readonly TotalsDifference[] {
  const live = totalsAt(liveTotals, recomputedTotals.position);
  const recomputed = totalsAt(recomputedTotals, liveTotals.position);
  const size = Math.max(live.weight, recomputed.weight);
  const differences: TotalsDifference[] = [];
  const compare = (field: string, a: number, b: number, scale: number): void => {
    if (!isSame(a, b, scale)) differences.push({ field, live: a, recomputed: b });
  };
  compare("reward", live.reward, recomputed.reward, size);
  compare("weight", live.weight, recomputed.weight, size);
  compare("squares", live.squares, recomputed.squares, size);
  compare("generations", live.generations, recomputed.generations, 0);
  return [...differences, ...contextDifferences(live.context, recomputed.context, size)];
}

function contextDifferences(
  live: ContextTotals | undefined,
  recomputed: ContextTotals | undefined,
  weight: number,
): readonly TotalsDifference[] {
  if (live === undefined && recomputed === undefined) return [];
  const epochs = { live: live?.epoch ?? 0, recomputed: recomputed?.epoch ?? 0 };
  const isOther =
    live === undefined || recomputed === undefined || epochs.live !== epochs.recomputed;
  if (isOther) return [{ field: "context_epoch", ...epochs }];
  return (["products", "rewards"] as const).flatMap((sums) =>
    largestDifference(`context_${sums}`, live[sums], recomputed[sums], weight),
  );
}

function largestDifference(
  name: string,
  live: readonly number[],
  recomputed: readonly number[],
  weight: number,
): readonly TotalsDifference[] {
  const scale = Math.max(weight, ...[...live, ...recomputed].map(Math.abs));
  let largest: TotalsDifference | undefined;
  for (let at = 0; at < Math.max(live.length, recomputed.length); at += 1) {
    const [a, b] = [live[at] ?? 0, recomputed[at] ?? 0];
    const isLarger =
      largest === undefined || Math.abs(a - b) > Math.abs(largest.live - largest.recomputed);
    if (!isSame(a, b, scale) && isLarger) {
      largest = { field: `${name}[${at}]`, live: a, recomputed: b };
    }
  }
  return largest === undefined ? [] : [largest];
}

function isSame(a: number, b: number, scale: number): boolean {
  return (
    a === b || Math.abs(a - b) <= toleranceRelative * Math.max(Math.abs(a), Math.abs(b), scale)
  );
}
