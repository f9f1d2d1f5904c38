import { setTimeout as sleep } from "node:timers/promises";
import { type Child, startChild } from "./child-process.ts";
import { type LatencySummary, summarizeLatencies } from "./latency-summary.ts";
import type { CallName, LoadFailure, LoadResult } from "./load-protocol.ts";
import { moveToOtherCpus } from "./machine.ts";
import { type ServiceUnderTest, type StoreName, startService } from "./service-under-test.ts";
import { joined, Sampler, type SoakWindow, shedOf, shedStatus, windowsOf } from "./soak-windows.ts";
import { findSustainableLoad, type Probe } from "./sustainable-load.ts";

export interface SoakSettings {
  /** How many stretches of `windowSeconds` the overload lasts. */
  readonly windows: number;
  /** 30, unless the run is only to see that it runs. */
  readonly windowSeconds: number;
  /** Length of one probe of the search. */
  readonly probeSeconds: number;
  readonly probesMax: number;
  /** Generations per second taken as sustainable, instead of searching. */
  readonly sustainable: number | undefined;
  /** What is offered, as a multiple of the sustainable load. */
  readonly factor: number;
  readonly connections: number;
  readonly nodeOptions: readonly string[];
  /** Where the service runs; the load generator runs elsewhere if it can. */
  readonly cpus: string;
}

/** p99 of what is answered in the overload, milliseconds. */
export const p99MsMax = 150;
/**
 * A load is sustained when its p99 is below this, milliseconds, and every call is answered. Far below the bound for an
 * overload: near the most that can be done, queues come and go, and twice as much would mostly measure the refusals.
 */
export const sustainedP99MsMax = 25;
/** After the overload, before it is asked whether anything is still refused. */
const recoveryMs = 1_000;

/** The search begins here. */
const firstRatePerSecond = 200;
const phaseGraceMs = 60_000;

export interface SoakFigures {
  readonly store: StoreName;
  readonly engines: Readonly<Record<string, string>>;
  /** Which CPUs the load generator had. */
  readonly generatorPinning: string;
  readonly probes: readonly Probe[];
  readonly sustainablePerSecond: number;
  readonly offeredPerSecond: number;
  readonly windows: readonly SoakWindow[];
  /** Answered selects and reports of the whole overload. */
  readonly answered: Readonly<Record<"select" | "report", LatencySummary>>;
  /** Refused ones. */
  readonly shed: Readonly<Record<"select" | "report", number>>;
  /** All answered ones together. */
  readonly all: LatencySummary;
  /** How late the generator sent what was due; part of the latencies of selects. */
  readonly sendLag: LatencySummary;
  /** Decisions that were answered without the state store; each may be in the event log or not. */
  readonly degraded: number;
  /** Calls that ended otherwise than answered or refused. */
  readonly otherFailures: readonly LoadFailure[];
  readonly acknowledged: Readonly<Record<CallName, number>>;
  readonly found: Readonly<Record<CallName, number>>;
  /** Calls that were not answered when half of the sustainable load was offered one second after the overload. */
  readonly refusedAfterwards: number;
  /** After the load, until every acknowledged event could be queried. */
  readonly catchUpMs: number;
}

/** @throws when a process fails; refused and failed calls are in the figures */
export async function soakStore(
  store: StoreName,
  settings: SoakSettings,
  progress: (text: string) => void,
): Promise<SoakFigures> {
  progress(`${store}: starting`);
  await using service = await startService(store, settings.nodeOptions);
  const generator = await startChild("load-generator.ts");
  try {
    const generatorPinning = moveToOtherCpus(generator.pid, settings.cpus);
    const options = { store, service, generator, generatorPinning, settings, progress };
    return await new Soak(options).run();
  } finally {
    await generator.stop();
  }
}

interface SoakOptions {
  readonly store: StoreName;
  readonly service: ServiceUnderTest;
  readonly generator: Child;
  readonly generatorPinning: string;
  readonly settings: SoakSettings;
  readonly progress: (text: string) => void;
}

class Soak {
  readonly #options: SoakOptions;
  readonly #acknowledged = { SelectVariant: 0, RecordGeneration: 0, RecordOutcome: 0 };
  readonly #otherFailures: LoadFailure[] = [];
  #degraded = 0;
  #phases = 0;

  constructor(options: SoakOptions) {
    this.#options = options;
  }

  async run(): Promise<SoakFigures> {
    const { store, service, generatorPinning, settings, progress } = this.#options;
    // Warm: code is compiled, tables have their first rows.
    await this.#arrivals(firstRatePerSecond, settings.probeSeconds);
    const { sustainable, probes } = await this.#search();
    const offered = sustainable.generationsPerSecond * settings.factor;
    const { windows, windowSeconds } = settings;
    progress(`${store}: ${Math.round(offered)} generations/s for ${windows} x ${windowSeconds} s`);
    const samples = new Sampler(service);
    const result = await samples.during(() =>
      this.#arrivals(offered, windows * windowSeconds, windowSeconds),
    );
    await sleep(recoveryMs);
    const afterwards = await this.#arrivals(
      sustainable.generationsPerSecond / 2,
      settings.probeSeconds,
    );
    progress(`${store}: comparing the event log`);
    const catchUpMs = await service.catchUp();
    const { learned: _, ...found } = await service.countEvents();
    const { latenciesMs } = result;
    const reports = [latenciesMs.RecordGeneration, latenciesMs.RecordOutcome];
    return {
      store,
      engines: service.engines,
      generatorPinning,
      probes,
      sustainablePerSecond: sustainable.generationsPerSecond,
      offeredPerSecond: offered,
      windows: windowsOf(result, samples.taken, windowSeconds),
      answered: {
        select: summarizeLatencies(Float64Array.from(latenciesMs.SelectVariant)),
        report: summarizeLatencies(joined(reports)),
      },
      shed: shedOf(result.failures),
      all: summarizeLatencies(joined([latenciesMs.SelectVariant, ...reports])),
      sendLag: summarizeLatencies(result.sendLagsMs),
      degraded: this.#degraded,
      otherFailures: this.#otherFailures,
      acknowledged: { ...this.#acknowledged },
      found,
      refusedAfterwards: failuresOf(afterwards),
      catchUpMs,
    };
  }

  async #search(): Promise<{ sustainable: Probe; probes: readonly Probe[] }> {
    const { settings } = this.#options;
    if (settings.sustainable !== undefined) {
      const generationsPerSecond = settings.sustainable;
      const sustainable = { generationsPerSecond, p99Ms: 0, failures: 0, sustained: true };
      return { sustainable, probes: [] };
    }
    return findSustainableLoad((rate) => this.#probe(rate), {
      fromPerSecond: firstRatePerSecond,
      probesMax: settings.probesMax,
      precision: 1.15,
    });
  }

  async #probe(generationsPerSecond: number): Promise<Probe> {
    const { store, service, settings, progress } = this.#options;
    await service.catchUp();
    const result = await this.#arrivals(generationsPerSecond, settings.probeSeconds);
    const { SelectVariant, RecordGeneration, RecordOutcome } = result.latenciesMs;
    const p99Ms = Math.max(
      summarizeLatencies(SelectVariant).p99Ms,
      summarizeLatencies(joined([RecordGeneration, RecordOutcome])).p99Ms,
    );
    const failures = failuresOf(result);
    const sustained = failures === 0 && p99Ms < sustainedP99MsMax;
    progress(
      `${store}: ${generationsPerSecond} generations/s: p99 ${p99Ms.toFixed(1)} ms, ` +
        `${failures} not answered: ${sustained ? "sustained" : "too much"}`,
    );
    return { generationsPerSecond, p99Ms, failures, sustained };
  }

  async #arrivals(
    generationsPerSecond: number,
    seconds: number,
    windowSeconds?: number,
  ): Promise<LoadResult> {
    const { service, generator, settings } = this.#options;
    this.#phases += 1;
    const durationMs = seconds * 1000;
    const answer = await generator.ask(
      {
        kind: "arrivals",
        address: service.grpcAddress,
        connections: settings.connections,
        durationMs,
        generationsPerSecond,
        seed: this.#phases,
        ...(windowSeconds === undefined ? {} : { windowMs: windowSeconds * 1000 }),
      },
      durationMs + phaseGraceMs,
    );
    const result = answer["result"] as LoadResult;
    for (const call of ["SelectVariant", "RecordGeneration", "RecordOutcome"] as const) {
      this.#acknowledged[call] += result.acknowledged[call];
    }
    for (const failure of result.failures) {
      if (failure.status === "degraded") this.#degraded += failure.count;
      else if (failure.status !== shedStatus) this.#otherFailures.push(failure);
    }
    return result;
  }
}

function failuresOf({ failures }: LoadResult): number {
  return failures.reduce((sum, { count }) => sum + count, 0);
}
