import type { CallName, LoadFailure, LoadResult, LoadWindow } from "./load-protocol.ts";

/** Counts and durations of one phase, while it runs. */
export class LoadTally {
  readonly latenciesMs: Record<CallName, number[]> = {
    SelectVariant: [],
    RecordGeneration: [],
    RecordOutcome: [],
  };
  readonly sumsMs: number[] = [];
  readonly sendLagsMs: number[] = [];
  /** Calls that did not end well. */
  failureCount = 0;
  readonly #failures = new Map<string, LoadFailure>();
  readonly #cpuAtStart = process.cpuUsage();
  readonly startedAtMs = performance.now();
  readonly #windows: LoadWindow[] = [];
  #inTime = { elapsedMs: 0, selects: 0, generations: 0, cpuShare: 0 };

  addFailure(call: CallName, status: LoadFailure["status"]): void {
    const key = `${call} ${status}`;
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    this.#failures.set(key, { call, status, count });
    this.failureCount += 1;
  }

  /** Ends a stretch of {@link LoadResult.windows}. */
  closeWindow(): void {
    const { SelectVariant, RecordGeneration, RecordOutcome } = this.latenciesMs;
    this.#windows.push({
      answered: {
        SelectVariant: SelectVariant.length,
        RecordGeneration: RecordGeneration.length,
        RecordOutcome: RecordOutcome.length,
      },
      failures: [...this.#failures.values()],
    });
  }

  /** The phase is over: what is counted from here on came too late for the rates. */
  closeRates(): void {
    const elapsedMs = performance.now() - this.startedAtMs;
    const cpu = process.cpuUsage(this.#cpuAtStart);
    this.#inTime = {
      elapsedMs,
      selects: this.latenciesMs.SelectVariant.length,
      generations: this.sumsMs.length,
      cpuShare: (cpu.user + cpu.system) / 1000 / elapsedMs,
    };
  }

  result(): LoadResult {
    const { SelectVariant, RecordGeneration, RecordOutcome } = this.latenciesMs;
    return {
      elapsedMs: this.#inTime.elapsedMs,
      selectsInTime: this.#inTime.selects,
      generationsInTime: this.#inTime.generations,
      acknowledged: {
        SelectVariant: SelectVariant.length,
        RecordGeneration: RecordGeneration.length,
        RecordOutcome: RecordOutcome.length,
      },
      failures: [...this.#failures.values()],
      latenciesMs: {
        SelectVariant: Float64Array.from(SelectVariant),
        RecordGeneration: Float64Array.from(RecordGeneration),
        RecordOutcome: Float64Array.from(RecordOutcome),
      },
      sumsMs: Float64Array.from(this.sumsMs),
      sendLagsMs: Float64Array.from(this.sendLagsMs),
      windows: this.#windows,
      generatorCpuShare: this.#inTime.cpuShare,
    };
  }
}
