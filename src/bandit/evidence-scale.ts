import type { RewardTotals } from "../domain/contribution.ts";

/** Observations of a coin that the pooled spread starts from, so that a few outcomes alike prove nothing. */
const coinObservations = 10;
/** Steps of an octave: a scale that moves with every outcome would change the posteriors of all arms each time. */
const stepsPerOctave = 16;
const ratioMax = 2 ** 20;

/**
 * By how much an observation says more about its arm's mean than the toss of a coin with that mean, from 1 to 2^20: the Beta
 * posterior counts tosses, whose variance is m·(1 − m), and a reward between 0 and 1 varies less. The ratio of that
 * variance to the one within the arms, pooled over the arms, shrunk towards 1, and rounded to a sixteenth of an octave.
 * Exactly 1 for rewards that are 0 or 1. It depends on the sums alone, and forgetting scales both variances alike.
 */
export function evidenceScale(arms: readonly RewardTotals[]): number {
  let weights = 0;
  let tossed = 0;
  let within = 0;
  for (const { reward, weight, squares } of arms) {
    if (!(weight > 0)) continue;
    weights += weight;
    const mean = Math.min(Math.max(reward / weight, 0), 1);
    tossed += weight * mean * (1 - mean);
    within += Math.max(squares - weight * mean * mean, 0);
  }
  const shrunk = coinObservations * (tossed / weights);
  const ratio = (tossed + shrunk) / (within + shrunk);
  if (!(ratio > 1)) return 1;
  const octaves = Math.log2(Math.min(ratio, ratioMax));
  return 2 ** (Math.round(octaves * stepsPerOctave) / stepsPerOctave);
}
