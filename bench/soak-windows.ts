import { setTimeout as sleep } from "node:timers/promises";
import { type LatencySummary, median, summarizeLatencies } from "./latency-summary.ts";
import type { CallName, LoadFailure, LoadResult } from "./load-protocol.ts";
import { type MemorySample, sampleMemory, sumOf } from "./service-gauges.ts";
import type { ServiceUnderTest } from "./service-under-test.ts";

/** gRPC's RESOURCE_EXHAUSTED. */
export const shedStatus = 8;
const sampleIntervalMs = 2_000;

/** What happened in one stretch. */
export interface SoakWindow {
  readonly answered: Readonly<Record<"select" | "report", number>>;
  readonly shed: Readonly<Record<"select" | "report", number>>;
  /** Of every answered call. */
  readonly latency: LatencySummary;
  /** Medians of the samples; of the heap the least, which is nearest to what is live. */
  readonly memory: MemorySample;
  /** Largest age of the oldest event on its way to the event log; undefined where the service does not tell. */
  readonly lagSecondsMax: number | undefined;
}

interface Sample {
  readonly atMs: number;
  readonly memory: MemorySample;
  readonly lagSeconds: number | undefined;
}

/** Looks at the service's memory and lag every two seconds. */
export class Sampler {
  readonly taken: Sample[] = [];
  readonly #service: ServiceUnderTest;

  constructor(service: ServiceUnderTest) {
    this.#service = service;
  }

  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    const startedAtMs = performance.now();
    let working = true;
    const sampling = (async () => {
      while (working) {
        const page = await this.#service.metrics();
        this.taken.push({
          atMs: performance.now() - startedAtMs,
          memory: sampleMemory(this.#service.pid, page),
          lagSeconds: sumOf(page, "bandit_event_lag_seconds"),
        });
        await sleep(sampleIntervalMs);
      }
    })();
    try {
      return await work();
    } finally {
      working = false;
      await sampling;
    }
  }
}

export function windowsOf(
  result: LoadResult,
  samples: readonly Sample[],
  windowSeconds: number,
): SoakWindow[] {
  let before = { SelectVariant: 0, RecordGeneration: 0, RecordOutcome: 0 };
  let shedBefore = { select: 0, report: 0 };
  return result.windows.map(({ answered, failures }, index) => {
    const parts = (Object.keys(before) as CallName[]).map((call) =>
      result.latenciesMs[call].subarray(before[call], answered[call]),
    );
    const shedNow = shedOf(failures);
    const shed = {
      select: shedNow.select - shedBefore.select,
      report: shedNow.report - shedBefore.report,
    };
    const [selects] = parts;
    const latency = summarizeLatencies(joined(parts));
    before = { ...answered };
    shedBefore = shedNow;
    const inWindow = samples.filter(
      ({ atMs }) => Math.floor(atMs / 1000 / windowSeconds) === index,
    );
    const lags = inWindow.flatMap(({ lagSeconds }) => (lagSeconds === undefined ? [] : lagSeconds));
    const selectCount = selects?.length ?? 0;
    return {
      answered: { select: selectCount, report: latency.n - selectCount },
      shed,
      latency,
      memory: typicalMemory(inWindow.map(({ memory }) => memory)),
      lagSecondsMax: lags.length === 0 ? undefined : Math.max(...lags),
    };
  });
}

/** How many calls were refused because there was too much to do. */
export function shedOf(failures: readonly LoadFailure[]): { select: number; report: number } {
  const shed = { select: 0, report: 0 };
  for (const { call, status, count } of failures) {
    if (status === shedStatus) shed[call === "SelectVariant" ? "select" : "report"] += count;
  }
  return shed;
}

function typicalMemory(samples: readonly MemorySample[]): MemorySample {
  const of = (pick: (sample: MemorySample) => number) => median(samples.map(pick));
  return {
    residentMib: of((sample) => sample.residentMib),
    ownMib: of((sample) => sample.ownMib),
    heapMib: samples.length === 0 ? 0 : Math.min(...samples.map((sample) => sample.heapMib)),
    childrenMib: of((sample) => sample.childrenMib),
  };
}

/** A copy: the originals keep the order in which calls were answered. */
export function joined(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
