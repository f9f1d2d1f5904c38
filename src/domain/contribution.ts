/**
 * What one generation has contributed to its arm's posterior, and how that changes when another
 * outcome arrives. The same rules are written once more in Lua (adapters/redis/lua/apply-contributions.ts);
 * the conformance suite holds the two together.
 *
 * The reward of a generation is
 *     R = clamp(Σ weightᵢ·valueᵢ − Σ penaltyⱼ, 0, W),   W = Σ weightᵢ
 * and the arm's posterior gains α += R, β += W − R. Because R and W depend only on the set of
 * components known now, and the newest value of a component wins by (occurredAtMs, eventId), any
 * order of arrival and any number of repetitions give the same posterior (invariant I4).
 */
export interface Contribution {
  /** Metric name, or `cost_penalty` / `latency_penalty` for the penalties. */
  readonly component: string;
  /** Value mapped onto [0,1]; 0 for a penalty. */
  readonly value: number;
  /** Above 0 for a reward component, 0 for a penalty. */
  readonly weight: number;
  /** Reward lost, ≥ 0; 0 for a reward component. */
  readonly penalty: number;
}

/** The contribution of one component, and the event it came from. */
export interface LedgerEntry extends Contribution {
  readonly occurredAtMs: number;
  readonly eventId: string;
}

/** Sums over the generations of one arm. A posterior is its prior plus these. */
export interface RewardTotals {
  /** Σ R: adds to α. */
  readonly reward: number;
  /** Σ W: adds to α + β. */
  readonly weight: number;
  /** Generations with W > 0. */
  readonly generations: number;
}

export const zeroTotals: RewardTotals = { reward: 0, weight: 0, generations: 0 };

/** True when `a` replaces `b` as the current value of one component. */
export function supersedes(
  a: { occurredAtMs: number; eventId: string },
  b: { occurredAtMs: number; eventId: string },
): boolean {
  if (a.occurredAtMs !== b.occurredAtMs) return a.occurredAtMs > b.occurredAtMs;
  return a.eventId > b.eventId;
}

/** What one generation adds to its arm, from the components known so far. */
export function generationTotals(entries: Iterable<Contribution>): RewardTotals {
  let weighted = 0;
  let penalty = 0;
  let weight = 0;
  for (const entry of entries) {
    weighted += entry.weight * entry.value;
    weight += entry.weight;
    penalty += entry.penalty;
  }
  const reward = Math.min(Math.max(weighted - penalty, 0), weight);
  return { reward, weight, generations: weight > 0 ? 1 : 0 };
}
