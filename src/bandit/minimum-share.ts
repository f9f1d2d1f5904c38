/**
 * Gives every arm at least the share f: p = f + (1 − K·f)·w, K the number of arms. Additive, not
 * max(f, w): the shares still add up to 1, and the order and ties of the arms stay as they are.
 * f above 1/K counts as 1/K. In place; returns its argument.
 */
export function applyMinimumShare(shares: Float64Array, minimumShare: number): Float64Array {
  const count = shares.length;
  const floor = Math.min(Math.max(minimumShare, 0), 1 / count);
  const rest = Math.max(1 - count * floor, 0);
  for (let arm = 0; arm < count; arm += 1) shares[arm] = floor + rest * (shares[arm] as number);
  return shares;
}
