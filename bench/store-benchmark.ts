import { type Child, startChild } from "./child-process.ts";
import { type LatencySummary, median, summarizeLatencies } from "./latency-summary.ts";
import type { CallName, LoadFailure, LoadPhase, LoadResult } from "./load-protocol.ts";
import { cpuSecondsOf, peakMemoryMibOf } from "./machine.ts";
import { type ServiceUnderTest, type StoreName, startService } from "./service-under-test.ts";

export interface BenchSettings {
  /** Length of one throughput phase; the open loop runs five times as long. */
  readonly seconds: number;
  /** How many times echo and service are measured in turn. */
  readonly rounds: number;
  readonly connections: number;
  readonly inFlightPerConnection: number;
  /** Given to Node for the echo and for the service alike. */
  readonly nodeOptions: readonly string[];
}

/** Everything measured with one kind of state store. Rates are per second, durations in milliseconds. */
export interface StoreFigures {
  readonly store: StoreName;
  readonly engines: Readonly<Record<string, string>>;
  readonly throughput: readonly ThroughputRound[];
  readonly oneInFlight: {
    readonly echo: LatencySummary;
    readonly select: LatencySummary;
    /** Per round: p50 of SelectVariant minus p50 of the echo measured just before it. */
    readonly p50DifferencesMs: readonly number[];
  };
  /** Closed loop of whole generations (three calls each). */
  readonly generationsPerSecondMax: number;
  readonly halfLoad: {
    readonly generationsPerSecond: number;
    readonly calls: Readonly<Record<CallName, LatencySummary>>;
    readonly sum: LatencySummary;
    /** The same arrivals answered by the echo: what transport, generator and machine take by themselves. */
    readonly echoSum: LatencySummary;
    readonly sendLag: LatencySummary;
    readonly cpu: CpuShares;
  };
  readonly eventLog: {
    readonly acknowledged: Readonly<Record<CallName, number>>;
    readonly found: Readonly<Record<CallName, number>>;
    /** Generations whose posterior learned from an outcome. */
    readonly learned: number;
    /** After the last phase, until every acknowledged event could be queried. */
    readonly catchUpMs: number;
  };
  readonly failures: readonly LoadFailure[];
  readonly peakMemoryMib: number | undefined;
}

export interface ThroughputRound {
  readonly echoPerSecond: number;
  readonly selectsPerSecond: number;
  /** selects / echo */
  readonly ratio: number;
  readonly echoCpu: CpuShares;
  readonly serviceCpu: CpuShares;
  /** After the service's phase, until its events were in the event log: work it still owed. */
  readonly catchUpMs: number;
}

/** CPU seconds used per second: 1 is one busy core. Undefined where it cannot be known. */
export interface CpuShares {
  readonly server: number | undefined;
  /** Processes that the server started: the embedded event engine. */
  readonly serverChildren: number | undefined;
  readonly generator: number;
  readonly redis: number | undefined;
}

/** How much longer than a phase the generator may take to answer. */
const phaseGraceMs = 30_000;

/** Measures one store beside the echo. @throws when a process fails; failed calls are in the figures */
export async function benchmarkStore(
  store: StoreName,
  settings: BenchSettings,
  progress: (text: string) => void,
): Promise<StoreFigures> {
  progress(`${store}: starting`);
  const { nodeOptions } = settings;
  await using service = await startService(store, nodeOptions);
  const echo = await startChild("echo-server.ts", { nodeOptions });
  const generator = await startChild("load-generator.ts");
  try {
    const bench = new StoreBenchmark({ service, echo, generator, settings });
    progress(`${store}: warming up`);
    await bench.warmUp();
    const throughput: ThroughputRound[] = [];
    for (let round = 1; round <= settings.rounds; round += 1) {
      progress(`${store}: throughput, round ${round} of ${settings.rounds}`);
      throughput.push(await bench.throughputRound());
    }
    progress(`${store}: one in flight`);
    const oneInFlight = await bench.oneInFlight();
    progress(`${store}: whole generations, closed loop`);
    const generationsPerSecondMax = await bench.generationsPerSecondMax();
    progress(`${store}: open loop at half of ${Math.round(generationsPerSecondMax)} generations/s`);
    const halfLoad = await bench.halfLoad(generationsPerSecondMax / 2);
    progress(`${store}: comparing the event log`);
    const eventLog = await bench.compareEventLog();
    return {
      store,
      engines: service.engines,
      throughput,
      oneInFlight,
      generationsPerSecondMax,
      halfLoad,
      eventLog,
      failures: bench.failures,
      peakMemoryMib: peakMemoryMibOf(service.pid),
    };
  } finally {
    await Promise.all([echo.stop(), generator.stop()]);
  }
}

class StoreBenchmark {
  readonly failures: LoadFailure[] = [];
  readonly #service: ServiceUnderTest;
  readonly #echo: Child;
  readonly #generator: Child;
  readonly #settings: BenchSettings;
  readonly #acknowledged = { SelectVariant: 0, RecordGeneration: 0, RecordOutcome: 0 };
  #phases = 0;

  constructor(options: {
    service: ServiceUnderTest;
    echo: Child;
    generator: Child;
    settings: BenchSettings;
  }) {
    this.#service = options.service;
    this.#echo = options.echo;
    this.#generator = options.generator;
    this.#settings = options.settings;
  }

  async warmUp(): Promise<void> {
    await this.#closedLoop("selects", "echo");
    await this.#closedLoop("selects", "service");
    await this.#closedLoop("generations", "service");
    await this.#service.catchUp();
  }

  /** The service has nothing left to do when the echo is measured, so neither disturbs the other. */
  async throughputRound(): Promise<ThroughputRound> {
    const echo = await this.#closedLoop("selects", "echo");
    const service = await this.#closedLoop("selects", "service");
    const catchUpMs = await this.#service.catchUp();
    const echoPerSecond = perSecond(echo.result.selectsInTime, echo.result);
    const selectsPerSecond = perSecond(service.result.selectsInTime, service.result);
    return {
      echoPerSecond,
      selectsPerSecond,
      ratio: selectsPerSecond / echoPerSecond,
      echoCpu: echo.cpu,
      serviceCpu: service.cpu,
      catchUpMs,
    };
  }

  async oneInFlight(): Promise<StoreFigures["oneInFlight"]> {
    const echoSamples: Float64Array[] = [];
    const selectSamples: Float64Array[] = [];
    const p50DifferencesMs: number[] = [];
    for (let round = 0; round < this.#settings.rounds; round += 1) {
      const echo = await this.#closedLoop("selects", "echo", { oneInFlight: true });
      const service = await this.#closedLoop("selects", "service", { oneInFlight: true });
      await this.#service.catchUp();
      const echoMs = echo.result.latenciesMs.SelectVariant;
      const selectMs = service.result.latenciesMs.SelectVariant;
      echoSamples.push(echoMs);
      selectSamples.push(selectMs);
      p50DifferencesMs.push(summarizeLatencies(selectMs).p50Ms - summarizeLatencies(echoMs).p50Ms);
    }
    return {
      echo: summarizeLatencies(concatenated(echoSamples)),
      select: summarizeLatencies(concatenated(selectSamples)),
      p50DifferencesMs,
    };
  }

  /** Median of three phases: the open loop's rate hangs on it. */
  async generationsPerSecondMax(): Promise<number> {
    const rates: number[] = [];
    for (let round = 0; round < Math.min(3, this.#settings.rounds); round += 1) {
      const { result } = await this.#closedLoop("generations", "service");
      rates.push(perSecond(result.generationsInTime, result));
      await this.#service.catchUp();
    }
    return median(rates);
  }

  async halfLoad(generationsPerSecond: number): Promise<StoreFigures["halfLoad"]> {
    const arrivals = {
      kind: "arrivals",
      connections: this.#settings.connections,
      durationMs: this.#settings.seconds * 5_000,
      generationsPerSecond,
      seed: this.#nextSeed(),
    } as const;
    await this.#service.catchUp();
    const echo = await this.#run("echo", { ...arrivals, address: this.#addressOf("echo") });
    const { result, cpu } = await this.#run("service", {
      ...arrivals,
      address: this.#addressOf("service"),
    });
    const { SelectVariant, RecordGeneration, RecordOutcome } = result.latenciesMs;
    return {
      generationsPerSecond,
      calls: {
        SelectVariant: summarizeLatencies(SelectVariant),
        RecordGeneration: summarizeLatencies(RecordGeneration),
        RecordOutcome: summarizeLatencies(RecordOutcome),
      },
      sum: summarizeLatencies(result.sumsMs),
      echoSum: summarizeLatencies(echo.result.sumsMs),
      sendLag: summarizeLatencies(result.sendLagsMs),
      cpu,
    };
  }

  async compareEventLog(): Promise<StoreFigures["eventLog"]> {
    const catchUpMs = await this.#service.catchUp();
    const { learned, ...found } = await this.#service.countEvents();
    return { acknowledged: { ...this.#acknowledged }, found, learned, catchUpMs };
  }

  #closedLoop(
    kind: "selects" | "generations",
    target: "echo" | "service",
    options: { oneInFlight: boolean } = { oneInFlight: false },
  ): Promise<{ result: LoadResult; cpu: CpuShares }> {
    return this.#run(target, {
      kind,
      address: this.#addressOf(target),
      connections: options.oneInFlight ? 1 : this.#settings.connections,
      inFlightPerConnection: options.oneInFlight ? 1 : this.#settings.inFlightPerConnection,
      durationMs: this.#settings.seconds * 1_000,
      seed: this.#nextSeed(),
    });
  }

  #addressOf(target: "echo" | "service"): string {
    return target === "echo" ? String(this.#echo.ready["address"]) : this.#service.grpcAddress;
  }

  async #run(
    target: "echo" | "service",
    phase: LoadPhase,
  ): Promise<{ result: LoadResult; cpu: CpuShares }> {
    const pid = target === "echo" ? this.#echo.pid : this.#service.pid;
    const [serverBefore, redisBefore] = [cpuSecondsOf(pid), await this.#service.redisCpuSeconds()];
    const answer = await this.#generator.ask(phase, phase.durationMs + phaseGraceMs);
    const [serverAfter, redisAfter] = [cpuSecondsOf(pid), await this.#service.redisCpuSeconds()];
    const result = answer["result"] as LoadResult;
    this.failures.push(...result.failures);
    if (target === "service") this.#countAcknowledged(result);
    const seconds = result.elapsedMs / 1000;
    const share = (before: number | undefined, after: number | undefined) =>
      before === undefined || after === undefined ? undefined : (after - before) / seconds;
    return {
      result,
      cpu: {
        server: share(serverBefore?.own, serverAfter?.own),
        serverChildren: share(serverBefore?.children, serverAfter?.children),
        generator: result.generatorCpuShare,
        redis: share(redisBefore, redisAfter),
      },
    };
  }

  #countAcknowledged(result: LoadResult): void {
    this.#acknowledged.SelectVariant += result.acknowledged.SelectVariant;
    this.#acknowledged.RecordGeneration += result.acknowledged.RecordGeneration;
    this.#acknowledged.RecordOutcome += result.acknowledged.RecordOutcome;
  }

  #nextSeed(): number {
    this.#phases += 1;
    return this.#phases;
  }
}

function perSecond(count: number, result: LoadResult): number {
  return (count * 1000) / result.elapsedMs;
}

function concatenated(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
