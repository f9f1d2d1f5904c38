/**
 * What one generation has contributed to its arm's posterior, and how that changes when another
 * outcome arrives. The same rules are written once more in Lua (adapters/redis/lua/apply-contributions.lua);
 * the conformance suite holds the two together.
 *
 * The reward of a generation is
 *     R = clamp(Σ weightᵢ·valueᵢ − Σ penaltyⱼ, Σ weightᵢ·min(valueᵢ, 0), Σ weightᵢ·max(valueᵢ, 1)),   W = Σ weightᵢ
 * which is clamp(…, 0, W) when every value is in [0,1]; the arm's sums of rewards and weights gain R and W.
 * A default reward counts only as long as no other component with a weight is known. Because R and W depend
 * only on the set of components known now, and the newest value of a component wins by (occurredAtMs,
 * eventId), any order of arrival and any number of repetitions give the same posterior (invariant I4).
 *
 * Forgetting: a generation counts 2^(its position − the present position), with the position (in
 * half-lives, `domain/policy.ts`) at which it was decided. Where that clock was ahead, its events may be booked at
 * smaller positions, not all at the same one: then the smallest counts, whichever came first. The sums of an arm
 * refer to the largest position booked so far (forward decay: Cormode, Shkapenyuk, Srivastava & Xu 2009): scaled to
 * a common position they do not depend on the order either.
 */
export interface Contribution {
  /** Metric name, `cost_penalty` / `latency_penalty` for the penalties, {@link defaultRewardComponent} for a default. */
  readonly component: string;
  /** Value mapped onto [0,1], outside of it only when unbounded; 0 for a penalty. */
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

/** Name under which a default reward stands in a generation's ledger. No metric can have it. */
export const defaultRewardComponent = "default_reward";

/** What one generation adds to its arm. */
export interface GenerationTotals {
  readonly reward: number;
  readonly weight: number;
  /** R² / W: what the generation adds to the sum of squares of an observation R / W of weight W. */
  readonly squares: number;
  /** 1 when W > 0, else 0. */
  readonly generations: number;
}

/** Sums over the generations of one arm. A posterior is made of its prior and these. */
export interface RewardTotals {
  /** Σ g·R with g = 2^(generation's position − {@link position}). */
  readonly reward: number;
  /** Σ g·W. */
  readonly weight: number;
  /** Σ g·R²/W. */
  readonly squares: number;
  /** Generations with W > 0, each counted as 1 however old it is. */
  readonly generations: number;
  /**
   * Forgetting position that the sums refer to, in half-lives: that of the newest generation in them, or one that a
   * generation had before a smaller one was booked for it; 0 when nothing is forgotten.
   */
  readonly position: number;
  /** Sums with the context of the decisions. Absent unless they carried one. */
  readonly context?: ContextTotals;
}

/** What a contextual policy knew of the input when it decided. */
export interface DecisionContext {
  /** `PolicyRecord.featuresSinceMs`, so that sums over other features are not mixed with these. */
  readonly epoch: number;
  /** The intercept's 1 and the standardised features, in the policy's order. At most {@link contextLengthMax}. */
  readonly values: readonly number[];
}

/** An intercept and 16 features. */
export const contextLengthMax = 17;

/** Sums over the generations of one arm whose decisions carried a context of the same epoch. */
export interface ContextTotals {
  readonly epoch: number;
  /** Σ g·W·x xᵀ: the upper triangle, row by row, d·(d + 1)/2 numbers. */
  readonly products: readonly number[];
  /** Σ g·R·x, d numbers. */
  readonly rewards: readonly number[];
}

export const zeroTotals: RewardTotals = {
  reward: 0,
  weight: 0,
  squares: 0,
  generations: 0,
  position: 0,
};

/** True when `a` replaces `b` as the current value of one component. */
export function supersedes(
  a: { occurredAtMs: number; eventId: string },
  b: { occurredAtMs: number; eventId: string },
): boolean {
  if (a.occurredAtMs !== b.occurredAtMs) return a.occurredAtMs > b.occurredAtMs;
  return a.eventId > b.eventId;
}

/** What one generation adds to its arm, from the components known so far. */
export function generationTotals(entries: Iterable<Contribution>): GenerationTotals {
  let earned = 0;
  let least = 0;
  let most = 0;
  let penalty = 0;
  let weight = 0;
  let byDefault: Contribution | undefined;
  const add = (entry: Contribution): void => {
    earned += entry.weight * entry.value;
    least += entry.weight * Math.min(entry.value, 0);
    most += entry.weight * Math.max(entry.value, 1);
    weight += entry.weight;
  };
  for (const entry of entries) {
    penalty += entry.penalty;
    if (entry.component === defaultRewardComponent) byDefault = entry;
    else add(entry);
  }
  if (weight === 0 && byDefault !== undefined) add(byDefault);
  if (weight === 0) return { reward: 0, weight: 0, squares: 0, generations: 0 };
  const reward = Math.min(Math.max(earned - penalty, least), most);
  // Not R² / W: the square of a small reward would underflow before it is divided.
  return { reward, weight, squares: reward * (reward / weight), generations: 1 };
}

/** What has changed about one generation, and how much and where it counts. */
export interface GenerationChange {
  readonly before: GenerationTotals;
  readonly after: GenerationTotals;
  /** Forgetting position at which `after` counts: the smallest that was booked for the generation. */
  readonly position: number;
  /** The one at which `before` went in. Absent: the same. */
  readonly positionBefore?: number;
  readonly context?: DecisionContext;
}

/**
 * Takes `before` out of an arm's totals and puts `after` in. Changes that come in any order give the same
 * totals at a common position, to within rounding, as long as `before` and `positionBefore` are what the change
 * before it put in, and a generation has the same context each time, and a weight ever after it first had one (no
 * event takes a component away). A context of an older epoch than the arm's is left out, a newer one starts anew;
 * of two lengths in one epoch the longer one counts as newer.
 */
export function replaceInTotals(totals: RewardTotals, change: GenerationChange): RewardTotals {
  const { before, after, positionBefore = change.position } = change;
  const generations = totals.generations - before.generations + after.generations;
  if (generations <= 0) return zeroTotals;
  if (before.generations + after.generations === 0) return totals;
  const position = Math.max(totals.position, change.position, positionBefore);
  const kept = 2 ** (totals.position - position);
  const counted = 2 ** (change.position - position);
  const countedBefore = 2 ** (positionBefore - position);
  const added = (sum: "reward" | "weight" | "squares"): number =>
    after[sum] * counted - before[sum] * countedBefore;
  const [reward, weight] = [added("reward"), added("weight")];
  const context = replaceInContext(totals.context, change.context, { kept, reward, weight });
  return {
    reward: totals.reward * kept + reward,
    weight: Math.max(totals.weight * kept + weight, 0),
    squares: Math.max(totals.squares * kept + added("squares"), 0),
    generations,
    position,
    ...(context === undefined ? {} : { context }),
  };
}

function replaceInContext(
  totals: ContextTotals | undefined,
  context: DecisionContext | undefined,
  added: { kept: number; reward: number; weight: number },
): ContextTotals | undefined {
  const kept = totals === undefined ? totals : scaledContext(totals, added.kept);
  if (context === undefined) return kept;
  const { values, epoch } = context;
  const order = kept === undefined ? -1 : contextOrder(kept, context);
  if (order > 0) return kept;
  const known = order === 0 ? kept : undefined;
  const products: number[] = [];
  for (let row = 0; row < values.length; row += 1) {
    for (let column = row; column < values.length; column += 1) {
      const product = (values[row] as number) * (values[column] as number);
      products.push((known?.products[products.length] ?? 0) + added.weight * product);
    }
  }
  const rewards = values.map((value, at) => (known?.rewards[at] ?? 0) + added.reward * value);
  return { epoch, products, rewards };
}

/** Above 0 when the sums are of newer features than the decision, 0 when of the same. */
function contextOrder(totals: ContextTotals, context: DecisionContext): number {
  return totals.epoch - context.epoch || totals.rewards.length - context.values.length;
}

function scaledContext(context: ContextTotals, factor: number): ContextTotals {
  if (factor === 1) return context;
  return {
    epoch: context.epoch,
    products: context.products.map((value) => value * factor),
    rewards: context.rewards.map((value) => value * factor),
  };
}

export function areSameTotals(a: RewardTotals, b: RewardTotals): boolean {
  return (
    a.reward === b.reward &&
    a.weight === b.weight &&
    a.squares === b.squares &&
    a.generations === b.generations &&
    a.position === b.position &&
    a.context?.epoch === b.context?.epoch &&
    areSameNumbers(a.context?.products, b.context?.products) &&
    areSameNumbers(a.context?.rewards, b.context?.rewards)
  );
}

function areSameNumbers(a: readonly number[] = [], b: readonly number[] = []): boolean {
  return a === b || (a.length === b.length && a.every((value, at) => value === b[at]));
}

/** The totals as they count at a later position; the same object when nothing was forgotten since. */
export function totalsAt(totals: RewardTotals, position: number): RewardTotals {
  if (position <= totals.position || totals.generations === 0) return totals;
  const factor = 2 ** (totals.position - position);
  return {
    reward: totals.reward * factor,
    weight: totals.weight * factor,
    squares: totals.squares * factor,
    generations: totals.generations,
    position,
    ...(totals.context === undefined ? {} : { context: scaledContext(totals.context, factor) }),
  };
}
