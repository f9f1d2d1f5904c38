import { describeMachine, type Machine } from "./machine.ts";
import type { StoreName } from "./service-under-test.ts";
import { type BenchSettings, benchmarkStore, type StoreFigures } from "./store-benchmark.ts";
import { type Target, targetsOf } from "./targets.ts";

/** What `npm run bench` measured; written as JSON with `--out`. */
export interface OverheadReport {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly machine: Machine;
  readonly settings: BenchSettings;
  readonly stores: readonly {
    readonly figures: StoreFigures;
    readonly targets: readonly Target[];
    /** Why the figures are not to be trusted; empty when they are. */
    readonly problems: readonly string[];
  }[];
}

export interface OverheadOptions {
  readonly stores: readonly StoreName[];
  readonly settings: BenchSettings;
  /** What {@link Machine.pinning} says. */
  readonly pinning: string;
  readonly onProgress: (text: string) => void;
}

/** Measures the stores one after the other. @throws when a process of the benchmark fails */
export async function measureOverhead(options: OverheadOptions): Promise<OverheadReport> {
  const startedAt = new Date().toISOString();
  const machine = describeMachine(options.pinning);
  const stores: OverheadReport["stores"][number][] = [];
  for (const store of options.stores) {
    const figures = await benchmarkStore(store, options.settings, options.onProgress);
    stores.push({ figures, targets: targetsOf(figures), problems: problemsOf(figures) });
  }
  return {
    startedAt,
    machine,
    settings: options.settings,
    stores,
  };
}

/** Calls that failed, and events that were acknowledged and are not in the event log exactly once. */
export function problemsOf(figures: StoreFigures): readonly string[] {
  const { acknowledged, found } = figures.eventLog;
  const failed = figures.failures.map(
    ({ call, status, count }) => `${count} ${call} calls ended in ${status}`,
  );
  const lost = (["SelectVariant", "RecordGeneration", "RecordOutcome"] as const)
    .filter((call) => found[call] !== acknowledged[call])
    .map((call) => `${call}: ${acknowledged[call]} acknowledged, ${found[call]} in the event log`);
  return [...failed, ...lost];
}
