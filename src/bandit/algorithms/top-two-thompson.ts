/** What top-two sampling knows of an arm. */
export interface ContendingArm {
  /** Probability that its mean is the largest, within 1e-6; adds up to 1 over the arms. */
  readonly bestProbability: number;
  /** Of the posterior. */
  readonly mean: number;
  readonly variance: number;
}

/**
 * What the quadrature can say about arms other than the leader. Below it the challengers' probabilities are
 * mostly error, and their ratio nothing to go by.
 */
const restMin = 1e-6;

/**
 * The probability with which top-two Thompson sampling serves each arm (Russo 2020, "Simple Bayesian
 * algorithms for best-arm identification"): draw an arm as Thompson sampling does; keep it with
 * probability β = `leaderShare`, else draw again until another arm comes. With α the probabilities of being best:
 *
 *     ψ_i = β·α_i + (1 − β)·α_i·Σ_{j≠i} α_j / (1 − α_j)
 *
 * 1 − α_j is summed from the others, so that nothing cancels. Where that sum for the leader is below 1e-6,
 * α_i / (1 − α_leader) is taken as P(θ_i > θ_leader) by normal approximation, scaled to add up to 1: what it
 * tends to when one arm is as good as certain.
 */
export function topTwoShares(arms: readonly ContendingArm[], leaderShare: number): Float64Array {
  if (arms.length === 1) return Float64Array.of(1);
  const best = arms.map(({ bestProbability }) => bestProbability);
  // Sums go by size, so that equal arms get the same sum to the last bit, wherever they stand.
  const bySize = best
    .map((_, arm) => arm)
    .sort((a, b) => (best[a] as number) - (best[b] as number));
  const rest = best.map((_, arm) => sumOfOthers(best, bySize, arm));
  const leader = rest.findIndex((sum) => sum < restMin);
  const odds = best.map((probability, arm) =>
    arm === leader ? 0 : probability / (rest[arm] as number),
  );
  const challenges = leader < 0 ? undefined : challengers(arms, leader);
  const shares = Float64Array.from(best, (probability, arm) => {
    const second =
      probability * sumOfOthers(odds, bySize, arm) + (challenges?.[arm] ?? 0) * (best[leader] ?? 0);
    return leaderShare * probability + (1 - leaderShare) * second;
  });
  const total = bySize.reduce((sum, arm) => sum + (shares[arm] as number), 0);
  return shares.map((share) => share / total);
}

function sumOfOthers(values: readonly number[], order: readonly number[], arm: number): number {
  let sum = 0;
  for (const other of order) if (other !== arm) sum += values[other] as number;
  return sum;
}

/** With which probability each arm is the challenger of a leader that is as good as certain; adds up to 1. */
function challengers(arms: readonly ContendingArm[], leader: number): Float64Array {
  const first = arms[leader] as ContendingArm;
  const logs = arms.map((arm, index) =>
    index === leader ? Number.NEGATIVE_INFINITY : logExceedance(arm, first),
  );
  const largest = Math.max(...logs);
  const weights = Float64Array.from(logs, (log) => Math.exp(log - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Log of P(N(d, 1) < 0) for the standardised distance d, in its leading terms for large d: −d²/2 − ln d. */
function logExceedance(arm: ContendingArm, leader: ContendingArm): number {
  const distance = Math.max(leader.mean - arm.mean, 0);
  const standardised = distance / Math.sqrt(Math.max(leader.variance + arm.variance, 1e-300));
  return -(Math.min(standardised, 1e150) ** 2) / 2 - Math.log(Math.max(standardised, 1));
}
