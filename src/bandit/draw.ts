import type { DecisionSource } from "../domain/decision.ts";
import type { VariantId } from "../domain/ids.ts";
import { type Allocation, makePool, type Pool } from "./allocation.ts";
import { murmurHash3 } from "./murmur-hash-3.ts";

/** What a draw gave, and the distribution it came from. */
export interface Draw {
  /** Into {@link variantIds}. */
  readonly index: number;
  readonly variantId: VariantId;
  readonly source: Extract<DecisionSource, "exploit" | "explore" | "holdout">;
  /** Probability with which this variant is served, by holdout or not. Above 0. */
  readonly propensity: number;
  /** Every arm that could have been served: those of the allocation, or the allowed ones of them, sorted. */
  readonly variantIds: readonly VariantId[];
  /** The vector drawn from; belongs to {@link variantIds}. Do not change it: it may be the allocation's own. */
  readonly probabilities: Float64Array;
  /** The number in [0,1) that the id hashes to. */
  readonly unit: number;
}

/** Salt of the draw from an allocation; other draws by the same id need another one to be independent of it. */
export const allocationSalt = 0;

/**
 * A number in [0,1) with 53 random bits from the 16 bytes of a generation id: the upper 27 bits of
 * MurmurHash3_x86_32 with seed `salt`, followed by the upper 26 bits of that with seed
 * `salt` xor 0x9e3779b9, divided by 2^53. Test vectors: docs/concepts/allocation.md.
 */
export function unitInterval(generationIdBytes: Uint8Array, salt: number): number {
  const high = murmurHash3(generationIdBytes, salt) >>> 5;
  const low = murmurHash3(generationIdBytes, salt ^ 0x9e3779b9) >>> 6;
  return (high * 67108864 + low) / 9007199254740992;
}

/**
 * The arm that owns `unit`: the first i with unit < upper[i]. When rounding leaves the last sum a
 * little below 1, what is above it belongs to the last arm that has any probability.
 */
export function armAt(upper: Float64Array, unit: number): number {
  const count = upper.length;
  for (let arm = 0; arm < count; arm += 1) if (unit < (upper[arm] as number)) return arm;
  let last = count - 1;
  while (last > 0 && upper[last] === upper[last - 1]) last -= 1;
  return last;
}

/**
 * Chooses an arm. A pure function of its arguments (invariant I8), and of what is logged: the running
 * sums of `probabilities` and `unit` give the arm again. The holdout is the first part of the
 * baseline's own interval.
 * @param allowed restricts the choice to these; their shares are scaled up to 1 (equal if all are 0), and
 * the holdout applies only if the baseline is among them. Ids that are no arm are ignored.
 * @returns undefined when no allowed id is an arm of the allocation.
 */
export function draw(
  allocation: Allocation,
  generationIdBytes: Uint8Array,
  allowed?: readonly VariantId[],
): Draw | undefined {
  const pool = allowed === undefined ? allocation : restrict(allocation, allowed);
  if (pool === undefined) return undefined;
  const unit = unitInterval(generationIdBytes, allocationSalt);
  const index = armAt(pool.upper, unit);
  return {
    index,
    variantId: pool.variantIds[index] as VariantId,
    source: sourceOf(pool, index, unit),
    propensity: pool.probabilities[index] as number,
    variantIds: pool.variantIds,
    probabilities: pool.probabilities,
    unit,
  };
}

function sourceOf(pool: Pool, index: number, unit: number): Draw["source"] {
  if (index === pool.baselineIndex && pool.holdoutShare > 0) {
    const lower = index === 0 ? 0 : (pool.upper[index - 1] as number);
    if (unit - lower < pool.holdoutShare) return "holdout";
  }
  return (pool.shares[index] as number) === pool.largestShare ? "exploit" : "explore";
}

function restrict(allocation: Allocation, allowed: readonly VariantId[]): Pool | undefined {
  const arms: number[] = [];
  allocation.variantIds.forEach((id, arm) => {
    if (allowed.includes(id)) arms.push(arm);
  });
  if (arms.length === 0) return undefined;
  let total = 0;
  for (const arm of arms) total += allocation.shares[arm] as number;
  const shares = Float64Array.from(arms, (arm) =>
    total > 0 ? (allocation.shares[arm] as number) / total : 1 / arms.length,
  );
  const baselineIndex = arms.indexOf(allocation.baselineIndex);
  return makePool({
    variantIds: arms.map((arm) => allocation.variantIds[arm] as VariantId),
    baselineIndex,
    holdoutShare: baselineIndex >= 0 ? allocation.holdoutShare : 0,
    shares,
  });
}
