import { invariant } from "../domain/errors.ts";
import type { VariantId } from "../domain/ids.ts";
import { murmurHash3 } from "./murmur-hash-3.ts";

/** With which probability each arm of one (agent type, code type) is served. Never changes; share it freely. */
export interface Allocation {
  /**
   * 16 hexadecimal digits: fingerprint of everything below. The same content has the same version on
   * every replica and after every restart, so a version names a distribution, not a moment.
   */
  readonly version: string;
  /** Sorted, distinct, at least one. */
  readonly variantIds: readonly VariantId[];
  readonly baselineIndex: number;
  /** Probability that is set aside for the baseline before the arms compete. */
  readonly holdoutShare: number;
  /** After the exploration budget, before the holdout; adds up to 1. */
  readonly shares: Float64Array;
  /** After the holdout: the vector that is drawn from and logged. Adds up to 1 within 1e-12. */
  readonly probabilities: Float64Array;
  /** Running sums of {@link probabilities}: arm i owns the numbers from `upper[i − 1]` up to `upper[i]`. */
  readonly upper: Float64Array;
  /** The largest of {@link shares}: serving an arm that has it is exploiting, any other exploring. */
  readonly largestShare: number;
}

/** @param parts.shares one per variant, each ≥ 0, adding up to 1; kept, not copied. */
export function makeAllocation(parts: {
  readonly variantIds: readonly VariantId[];
  readonly baselineIndex: number;
  readonly holdoutShare: number;
  readonly shares: Float64Array;
}): Allocation {
  const { variantIds, baselineIndex, shares } = parts;
  invariant(shares.length === variantIds.length, "one share for each variant");
  invariant(baselineIndex >= 0 && baselineIndex < variantIds.length, "the baseline is an arm");
  const pool = makePool(parts);
  return { version: fingerprint(pool), ...pool };
}

/** Everything of an allocation but its name: what a draw needs. */
export type Pool = Omit<Allocation, "version">;

/** As {@link makeAllocation}, for arms that are drawn from once; `baselineIndex` may be −1 without a holdout. */
export function makePool(
  parts: Pick<Allocation, "variantIds" | "baselineIndex" | "holdoutShare" | "shares">,
): Pool {
  const { variantIds, baselineIndex, holdoutShare, shares } = parts;
  const probabilities = withHoldout(shares, { baselineIndex, holdoutShare });
  return {
    variantIds,
    baselineIndex,
    holdoutShare,
    shares,
    probabilities,
    upper: runningSums(probabilities),
    largestShare: Math.max(...shares),
  };
}

/** Everything on the baseline: the static mode. @param variantIds sorted. */
export function baselineAllocation(
  variantIds: readonly VariantId[],
  baselineIndex: number,
): Allocation {
  const shares = new Float64Array(variantIds.length);
  shares[baselineIndex] = 1;
  return makeAllocation({ variantIds, baselineIndex, holdoutShare: 0, shares });
}

/** (1 − h)·share, plus h for the baseline. */
function withHoldout(
  shares: Float64Array,
  holdout: { readonly baselineIndex: number; readonly holdoutShare: number },
): Float64Array {
  if (holdout.holdoutShare === 0) return shares;
  const probabilities = shares.map((share) => share * (1 - holdout.holdoutShare));
  probabilities[holdout.baselineIndex] =
    (probabilities[holdout.baselineIndex] as number) + holdout.holdoutShare;
  return probabilities;
}

/** Sums of the first 1, 2, … values, added from left to right: the order is part of the draw's definition. */
export function runningSums(values: Float64Array): Float64Array {
  let sum = 0;
  return values.map((value) => {
    sum += value;
    return sum;
  });
}

const encoder = new TextEncoder();

/** Two 32-bit hashes over ids, baseline and the exact bits of the numbers. */
function fingerprint(
  content: Pick<Allocation, "variantIds" | "baselineIndex" | "holdoutShare" | "probabilities">,
): string {
  const { variantIds, baselineIndex, holdoutShare, probabilities } = content;
  const names = encoder.encode(`${baselineIndex}\n${variantIds.join("\n")}\n`);
  const bytes = new Uint8Array(names.length + 8 * (probabilities.length + 1));
  bytes.set(names);
  const view = new DataView(bytes.buffer, names.length);
  view.setFloat64(0, holdoutShare, true);
  probabilities.forEach((probability, arm) => {
    view.setFloat64(8 * (arm + 1), probability, true);
  });
  return hex(murmurHash3(bytes, 0)) + hex(murmurHash3(bytes, 0x9e3779b9));
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}
