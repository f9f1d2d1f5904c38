/** What one short run at a given rate has shown. */
export interface Probe {
  readonly generationsPerSecond: number;
  readonly p99Ms: number;
  readonly failures: number;
  /** Everything was answered, and in time. */
  readonly sustained: boolean;
}

export interface SearchOptions {
  /** First rate tried; it is assumed that it can be sustained. */
  readonly fromPerSecond: number;
  /** Probes at most, second attempts included. */
  readonly probesMax: number;
  /** A rate is known well enough when the next one that failed is this near, e.g. 1.1. */
  readonly precision: number;
}

/**
 * Finds the highest rate that is sustained: up by half until one is not, then halving the gap. A rate
 * that fails gets a second attempt, because on a shared machine one stall of somebody else fails a
 * short run.
 */
export async function findSustainableLoad(
  probe: (generationsPerSecond: number) => Promise<Probe>,
  options: SearchOptions,
): Promise<{ sustainable: Probe; probes: readonly Probe[] }> {
  const probes: Probe[] = [];
  const attempt = async (rate: number): Promise<Probe> => {
    const first = await probe(rate);
    probes.push(first);
    if (first.sustained || probes.length >= options.probesMax) return first;
    const second = await probe(rate);
    probes.push(second);
    return second;
  };
  let good: Probe | undefined;
  let bad: Probe | undefined;
  let rate = options.fromPerSecond;
  while (probes.length < options.probesMax) {
    const result = await attempt(rate);
    if (result.sustained) good = result;
    else bad = result;
    if (bad === undefined) rate = Math.round(rate * 1.5);
    else if (good === undefined) rate = Math.max(1, Math.round(rate / 2));
    else if (bad.generationsPerSecond / good.generationsPerSecond <= options.precision) break;
    else rate = Math.round(Math.sqrt(good.generationsPerSecond * bad.generationsPerSecond));
  }
  const best = good ?? probes.at(-1);
  if (best === undefined) throw new Error("no probe was made");
  return { sustainable: best, probes };
}
