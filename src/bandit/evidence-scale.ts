import type { RewardTotals } from "../domain/contribution.ts";

/** Observations that a spread starts from, so that a few outcomes alike prove nothing: the pooled one from those of a coin. */
const priorObservations = 10;
/** Steps of an octave: a scale that moves with every outcome would change the posteriors of all arms each time. */
const stepsPerOctave = 16;
const ratioMax = 2 ** 20;

/**
 * By how much an observation of each arm says more about the arm's mean than the toss of a coin with that mean, from 1 to 2^20: the
 * Beta posterior counts tosses, whose variance is m·(1 − m), and a reward between 0 and 1 varies less. The ratio of that variance
 * to the one within the arms, pooled over the arms, shrunk towards 1, and rounded to a sixteenth of an octave; of an arm that
 * varies more than the others it is the arm's own, shrunk towards the pooled one, so that its luck does not count for what theirs
 * would. Exactly 1 for rewards that are 0 or 1. It depends on the sums alone, and forgetting scales both variances alike.
 */
export function evidenceScales(arms: readonly RewardTotals[]): readonly number[] {
  const spreads = arms.map(spreadOf);
  const pooled = pooledScale(spreads);
  return spreads.map(({ weight, coin, within }) => {
    if (pooled === 1 || weight === 0) return pooled;
    const own =
      ((weight + priorObservations) * coin) / (within + (priorObservations * coin) / pooled);
    // Not a number: all were 0, or all 1, as of a coin that had no luck yet.
    return own > 1 ? Math.min(pooled, own) : 1;
  });
}

interface Spread {
  /** What counts of the arm, 0 or more. */
  readonly weight: number;
  /** Variance of a toss with the arm's mean. */
  readonly coin: number;
  /** Sum of the squared deviations from the arm's mean. */
  readonly within: number;
}

function spreadOf({ reward, weight, squares }: RewardTotals): Spread {
  if (!(weight > 0)) return { weight: 0, coin: 0, within: 0 };
  const mean = Math.min(Math.max(reward / weight, 0), 1);
  return {
    weight,
    coin: mean * (1 - mean),
    within: Math.max(squares - weight * mean * mean, 0),
  };
}

function pooledScale(spreads: readonly Spread[]): number {
  let weights = 0;
  let tossed = 0;
  let within = 0;
  for (const spread of spreads) {
    weights += spread.weight;
    tossed += spread.weight * spread.coin;
    within += spread.within;
  }
  const shrunk = priorObservations * (tossed / weights);
  const ratio = (tossed + shrunk) / (within + shrunk);
  if (!(ratio > 1)) return 1;
  const octaves = Math.log2(Math.min(ratio, ratioMax));
  return 2 ** (Math.round(octaves * stepsPerOctave) / stepsPerOctave);
}
