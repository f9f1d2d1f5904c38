import { median } from "./latency-summary.ts";
import type { StoreName } from "./service-under-test.ts";
import type { StoreFigures } from "./store-benchmark.ts";

/** A figure to reach, beside what was measured. */
export interface Target {
  readonly name: string;
  readonly unit: "x" | "ms";
  readonly bound: "at least" | "at most" | "below";
  readonly wanted: number;
  readonly measured: number;
  readonly met: boolean;
}

/** Throughput of SelectVariant as a share of the echo's, in the same run. */
const throughputRatioMin: Record<StoreName, number> = { embedded: 0.65, redis: 0.75 };
/** p50 of SelectVariant above the echo's, one request in flight. */
const selectAboveEchoMsMax: Record<StoreName, number> = { embedded: 0.8, redis: 0.4 };
/** What select, report and outcome of one generation may cost an agent together. */
const overheadBudgetMs = 50;
/** … and what they should cost at half of the maximum load. */
const overheadGoalMs = 10;

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
    target("overhead per generation p99.9, half load: goal", {
      unit: "ms",
      bound: "below",
      wanted: overheadGoalMs,
      measured: figures.halfLoad.sum.p999Ms,
    }),
    target("overhead per generation p99.9, half load: budget", {
      unit: "ms",
      bound: "at most",
      wanted: overheadBudgetMs,
      measured: figures.halfLoad.sum.p999Ms,
    }),
  ];
}

function target(name: string, values: Omit<Target, "name" | "met">): Target {
  const { bound, wanted, measured } = values;
  const met =
    bound === "at least"
      ? measured >= wanted
      : bound === "at most"
        ? measured <= wanted
        : measured < wanted;
  return { name, ...values, met };
}
