import { deadlineExceeded } from "../../concurrency/deadline.ts";
import { DeadlineTimer, type DeadlineTimers } from "../../concurrency/deadline-timers.ts";
import { withTimeout } from "../../concurrency/in-time.ts";
import { RepeatedWork } from "../../concurrency/repeated-work.ts";
import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";

export interface StateBreakerOptions {
  readonly state: Pick<StateStore, "ping">;
  readonly timers: DeadlineTimers;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** Longest wait for the state store. Undefined: it is embedded, is waited for, and is never taken to be down. */
  readonly timeoutMs: number | undefined;
}

const probeIntervalMs = 100;
const probeTimeoutMsMax = 250;
/** A store that fails again so soon after it was back is probed more and more rarely, … */
const relapseMs = 5_000;
/** … up to this. */
const probeIntervalMsMax = 5_000;

interface Outage {
  readonly sinceMs: number;
}

/**
 * A circuit breaker before the calls of the state store that somebody waits for. One that is not answered in
 * time, or finds the store unavailable, opens it: from then on calls fail at once, until a probe in the background
 * is answered. So an outage costs one time-out, not one for each call. (Refused: waiting up to every caller's own
 * deadline, which uses all of it up for as long as the outage lasts.)
 */
export class StateBreaker {
  readonly #options: StateBreakerOptions;
  readonly #timeoutMs: number;
  readonly #listeners: (() => void)[] = [];
  #outage: Outage | undefined;
  #recoveredAtMs = Number.NEGATIVE_INFINITY;
  #recoveries = 0;
  #probeIntervalMs = probeIntervalMs;
  readonly #probes: RepeatedWork;
  #stopped = false;

  constructor(options: StateBreakerOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? Number.POSITIVE_INFINITY;
    this.#probes = new RepeatedWork({
      work: () => this.#probe(),
      pauseMs: () => (this.available ? Number.POSITIVE_INFINITY : this.#probeIntervalMs),
      onFailure: () => undefined, // said when the outage began
    });
    options.telemetry.gauge("bandit_state_available", 1);
  }

  /** False from the first sign of an outage until a probe was answered. */
  get available(): boolean {
    return this.#outage === undefined;
  }

  /** Milliseconds since the last outage ended; infinite when there was none. */
  get sinceRecoveryMs(): number {
    return this.#options.clock.monotonicMs() - this.#recoveredAtMs;
  }

  /** `listener` is called whenever an outage has ended. */
  onRecovered(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * What `start` gives. During an outage it is not called.
   * @param answerByMs moment of the monotonic clock after which nobody waits; a call that is cut off by it opens
   * nothing, unless the store then still has not answered at the end of its own time.
   * @throws BanditError unavailable; deadline_exceeded when `answerByMs` comes first. The call may have been done.
   */
  call<Result>(
    start: () => Promise<Result>,
    answerByMs = Number.POSITIVE_INFINITY,
  ): Promise<Result> {
    if (this.#outage !== undefined) return Promise.reject(stateUnavailable());
    const nowMs = this.#options.clock.monotonicMs();
    if (answerByMs <= nowMs)
      return Promise.reject(deadlineExceeded("the call did not finish in time"));
    const giveUpAtMs = nowMs + this.#timeoutMs;
    const recoveries = this.#recoveries;
    const { timers } = this.#options;
    return new Promise<Result>((resolve, reject) => {
      const timer = new DeadlineTimer(Math.min(answerByMs, giveUpAtMs), () => {
        if (timer.atMs >= giveUpAtMs) {
          this.#open("STATE_TIMEOUT", recoveries);
          reject(stateTimedOut());
          return;
        }
        reject(deadlineExceeded("the call to the state store did not finish in time"));
        // Still watched: callers in a hurry must not hide that the store is silent.
        timer.atMs = giveUpAtMs;
        if (giveUpAtMs < Number.POSITIVE_INFINITY) timers.set(timer);
      });
      const work = start();
      if (timer.atMs < Number.POSITIVE_INFINITY) timers.set(timer);
      work.then(
        (result) => {
          timers.clear(timer);
          resolve(result);
        },
        (error: unknown) => {
          timers.clear(timer);
          if (error instanceof BanditError && error.code === "unavailable")
            this.#open(error.reason, recoveries);
          reject(error);
        },
      );
    });
  }

  /** No further probe is made. */
  stop(): void {
    this.#stopped = true;
    void this.#probes.stop();
  }

  /** @param recoveries as many as there were when the call began: one from before the last tells nothing new. */
  #open(reason: string, recoveries: number): void {
    if (recoveries !== this.#recoveries) return;
    if (this.#outage !== undefined || this.#stopped || this.#options.timeoutMs === undefined)
      return;
    const { telemetry, logger } = this.#options;
    const isRelapse = this.sinceRecoveryMs < relapseMs;
    this.#probeIntervalMs = isRelapse
      ? Math.min(this.#probeIntervalMs * 2, probeIntervalMsMax)
      : probeIntervalMs;
    this.#outage = { sinceMs: this.#options.clock.monotonicMs() };
    telemetry.count("bandit_state_outages_total");
    telemetry.gauge("bandit_state_available", 0);
    logger.error("the state store does not answer: decisions and reports go to the spool", {
      reason,
    });
    this.#probes.start();
  }

  async #probe(): Promise<void> {
    const timeoutMs = Math.min(this.#timeoutMs, probeTimeoutMsMax);
    try {
      await withTimeout(this.#options.state.ping(), timeoutMs, () => {
        throw stateTimedOut();
      });
    } catch (error) {
      // That is an answer: what can be done without room is done, and the rest is refused at once.
      if (!(error instanceof BanditError) || error.reason !== "STATE_FULL") throw error;
    }
    this.#close();
  }

  #close(): void {
    if (this.#outage === undefined || this.#stopped) return;
    const { clock, telemetry, logger } = this.#options;
    const nowMs = clock.monotonicMs();
    const lastedMs = Math.round(nowMs - this.#outage.sinceMs);
    this.#outage = undefined;
    this.#recoveredAtMs = nowMs;
    this.#recoveries += 1;
    telemetry.gauge("bandit_state_available", 1);
    logger.info("the state store answers again: the spool is being applied", { lastedMs });
    for (const listener of this.#listeners) listener();
  }
}

function stateUnavailable(): BanditError {
  return new BanditError("unavailable", "the state store cannot be reached", {
    reason: "STATE_UNAVAILABLE",
    retryAfterMs: 1000,
  });
}

function stateTimedOut(): BanditError {
  return new BanditError("unavailable", "the state store did not answer in time", {
    reason: "STATE_TIMEOUT",
    retryAfterMs: 100,
  });
}
