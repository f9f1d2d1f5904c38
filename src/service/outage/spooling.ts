import { DeadlineTimers } from "../../concurrency/deadline-timers.ts";
import type { BanditServiceOptions } from "../bandit-service-options.ts";
import { ReportIntake } from "../recording/report-intake.ts";
import { ApplySpooled, type ApplySpooledOptions } from "./apply-spooled.ts";
import { Spool } from "./spool.ts";
import { SpoolReplay, type SpoolReplayOptions } from "./spool-replay.ts";
import { StateGuard } from "./state-guard.ts";

/** What stands between calls and a state store that may be out of reach. */
export interface Spooling {
  readonly timers: DeadlineTimers;
  readonly guard: StateGuard;
  readonly intake: ReportIntake;
  /** What was spooled, by whatever configuration. Absent: nothing can have been. */
  readonly whatIsLeft: { readonly spool?: Spool };
  /** Where that goes which cannot be stored now. Absent: it is refused. */
  readonly forMore: { readonly spool?: Spool };
}

type SpoolingOptions = Pick<
  BanditServiceOptions,
  "state" | "spool" | "stateTimeoutMs" | "clock" | "telemetry" | "logger"
>;

export function createSpooling(options: SpoolingOptions): Spooling {
  const { state, clock, telemetry, logger } = options;
  const timers = new DeadlineTimers(clock);
  const guard = new StateGuard({
    state,
    timers,
    clock,
    telemetry,
    logger,
    ...(options.stateTimeoutMs === undefined ? {} : { timeoutMs: options.stateTimeoutMs }),
  });
  const whatIsLeft =
    options.spool === undefined
      ? {}
      : { spool: new Spool({ queue: options.spool, clock, telemetry }) };
  // The embedded store is never out of reach: what another configuration has left is applied, nothing is added.
  const forMore = options.stateTimeoutMs === undefined ? {} : whatIsLeft;
  const intake = new ReportIntake({ guard, timers, clock, ...forMore });
  return { timers, guard, intake, whatIsLeft, forMore };
}

/** Applying what was spooled. */
export interface Replay {
  readonly apply: ApplySpooled;
  /** Ends after the records under way; the others stay on disk. */
  stop(): Promise<void>;
}

/** Begins to apply what is in the spool, if there is one. */
export function startReplay(
  { whatIsLeft: { spool } }: Spooling,
  options: ApplySpooledOptions & Omit<SpoolReplayOptions, "spool" | "apply">,
): Replay {
  const apply = new ApplySpooled(options);
  const replay = spool && new SpoolReplay({ ...options, spool, apply });
  replay?.start();
  return {
    apply,
    async stop() {
      await replay?.stop();
    },
  };
}
