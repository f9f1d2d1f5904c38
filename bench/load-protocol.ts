/** What the benchmark asks the load generator's process for: one phase of load against one address. */
export type LoadPhase =
  /** Closed loop: every slot sends its next SelectVariant when the last one was answered. */
  | (ClosedLoop & { readonly kind: "selects" })
  /** Closed loop of whole generations: select, record the generation, record its outcome. */
  | (ClosedLoop & { readonly kind: "generations" })
  /**
   * Open loop of whole generations: they begin at random moments (Poisson) that do not depend on how fast
   * the service answers, and the first latency counts from that moment, so a stall is paid by
   * every generation that it delayed (no coordinated omission).
   */
  | {
      readonly kind: "arrivals";
      /** `host:port` */
      readonly address: string;
      readonly connections: number;
      readonly durationMs: number;
      readonly generationsPerSecond: number;
      readonly seed: number;
      /** Where given, {@link LoadResult.windows} has one entry for each stretch of this length. */
      readonly windowMs?: number;
    };

export interface ClosedLoop {
  readonly address: string;
  readonly connections: number;
  readonly inFlightPerConnection: number;
  readonly durationMs: number;
  readonly seed: number;
}

export type CallName = "SelectVariant" | "RecordGeneration" | "RecordOutcome";

export interface LoadResult {
  /** From the first call to the end of the phase; answers that came later are acknowledged but not in a rate. */
  readonly elapsedMs: number;
  /** Completed with OK before the phase ended. */
  readonly selectsInTime: number;
  readonly generationsInTime: number;
  /** Completed with OK, late ones included: what must be found in the event log afterwards. */
  readonly acknowledged: Readonly<Record<CallName, number>>;
  /** Every call that did not end in OK with a readable answer. */
  readonly failures: readonly LoadFailure[];
  readonly latenciesMs: Readonly<Record<CallName, Float64Array>>;
  /** The three latencies of one generation added up. */
  readonly sumsMs: Float64Array;
  /** Open loop only: how long after its moment each generation was really sent. Part of the latencies. */
  readonly sendLagsMs: Float64Array;
  /** The phase cut into stretches, by when a call was answered; empty unless asked for. */
  readonly windows: readonly LoadWindow[];
  /** CPU seconds the generator used per second, [0,1] for one busy core. */
  readonly generatorCpuShare: number;
}

/** What was counted until the end of a stretch: the difference to the one before is what happened in it. */
export interface LoadWindow {
  /** Entries of {@link LoadResult.latenciesMs}. */
  readonly answered: Readonly<Record<CallName, number>>;
  readonly failures: readonly LoadFailure[];
}

export interface LoadFailure {
  readonly call: CallName;
  /**
   * gRPC status; negative: see `grpc-channel.ts`; `unreadable`: OK, but without the fields that are
   * needed; `degraded`: answered, but the decision was not stored.
   */
  readonly status: number | "unreadable" | "degraded";
  readonly count: number;
}
