import { median } from "./latency-summary.ts";
import type { StoreName } from "./service-under-test.ts";
import type { StoreFigures } from "./store-benchmark.ts";

/** A figure to reach, beside what was measured. */
export interface Target {
  readonly name: string;
  readonly unit: "x" | "ms";
  readonly bound: "at least" | "at most";
  readonly wanted: number;
  readonly measured: number;
  readonly met: boolean;
}

/** Throughput of SelectVariant as a share of the echo's, in the same run. */
const throughputRatioMin: Record<StoreName, number> = { embedded: 0.65, redis: 0.75 };
/** p50 of SelectVariant above the echo's, one request in flight. */
const selectAboveEchoMsMax: Record<StoreName, number> = { embedded: 0.5, redis: 0.4 };
/** What select, report and outcome of one generation may cost an agent together. */
const overheadBudgetMs = 50;
/** What they may take at half of the maximum load, as a multiple of three calls of the echo under the same arrivals. */
const sumOverEchoMax = 3;

export function targetsOf(figures: StoreFigures): readonly Target[] {
  const { store } = figures;
  return [
    target("throughput of SelectVariant / echo, median of rounds", {
      unit: "x",
      bound: "at least",
      wanted: throughputRatioMin[store],
      measured: median(figures.throughput.map((round) => round.ratio)),
    }),
    target("SelectVariant p50 above echo p50, one in flight", {
      unit: "ms",
      bound: "at most",
      wanted: selectAboveEchoMsMax[store],
      measured: median(figures.oneInFlight.p50DifferencesMs),
    }),
    target("sum of the three p50 / echo's three p50, half load", {
      unit: "x",
      bound: "at most",
      wanted: sumOverEchoMax,
      measured: figures.halfLoad.sum.p50Ms / figures.halfLoad.echoSum.p50Ms,
    }),
    target("sum of the three p99.9, half load", {
      unit: "ms",
      bound: "at most",
      wanted: overheadBudgetMs,
      measured: figures.halfLoad.sum.p999Ms,
    }),
  ];
}

function target(name: string, values: Omit<Target, "name" | "met">): Target {
  const { bound, wanted, measured } = values;
  const met = bound === "at least" ? measured >= wanted : measured <= wanted;
  return { name, ...values, met };
}
