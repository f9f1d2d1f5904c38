import { hash } from "node:crypto";
import { BanditError, invalidField } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Admission, RequestClass } from "../service/admission/admission.ts";
import { ArrivalWait } from "../service/admission/arrival-wait.ts";
import { LoopDelay } from "../service/admission/loop-delay.ts";
import type { RateLimiter } from "../service/admission/rate-limiter.ts";
import type { CallContext } from "../service/api/call-context.ts";

/** Metadata or header in which a caller names itself, for its rate limit. */
export const callerKeyHeader = "x-bandit-key";
/** Longer ones are refused. */
export const callerKeyCharactersMax = 128;
/** Prepared errors kept for rate limits, one per millisecond of delay that was told. */
const rateLimitErrorsMax = 2_048;
/** Between two times that the gauges are set. */
const publishIntervalMs = 1_000;

/** What the gate wants to know of a call; asked for only when it needs it. */
export interface CallerContext extends CallContext {
  /** Address of the peer, without its port. */
  readonly peer: string;
  /** As the caller gave it. */
  readonly callerKey: string | undefined;
}

export interface RequestGateOptions {
  readonly admission: Admission;
  /** Absent: no limit. */
  readonly limiter?: RateLimiter;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/**
 * What every call passes before anything is done for it, the same on both ports: its deadline, its
 * caller's rate, and whether there is room. Errors are made once and thrown again: when calls are
 * refused by the thousand, making an error costs more than all the rest (100 µs with its details).
 */
export class RequestGate {
  readonly #admission: Admission;
  readonly #limiter: RateLimiter | undefined;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #loopDelay: LoopDelay;
  readonly #arrivals: ArrivalWait;
  readonly #overloaded = new Map<number, BanditError>();
  readonly #rateLimited = new Map<number, BanditError>();
  #isTurnWatched = false;
  #delayMaxMs = 0;
  #publishAtMs = 0;

  constructor({ admission, limiter, clock, telemetry }: RequestGateOptions) {
    this.#admission = admission;
    this.#limiter = limiter;
    this.#clock = clock;
    this.#telemetry = telemetry;
    this.#arrivals = new ArrivalWait({ clock });
    this.#loopDelay = new LoopDelay({ clock, onSample: (delayMs) => this.#observe(delayMs) });
  }

  /** Begins to watch the event loop. */
  start(): void {
    this.#loopDelay.start();
  }

  /** Idempotent. */
  stop(): void {
    this.#loopDelay.stop();
  }

  /**
   * To be asked as soon as the name of the call is known, before its message is read.
   * @returns why it is refused; undefined: read on, and {@link begin} it
   */
  refusal(requestClass: RequestClass): BanditError | undefined {
    this.#watchTurn();
    const retryAfterMs = this.#admission.announce(requestClass, this.#arrivals.read());
    if (retryAfterMs !== undefined) return this.#overloadedError(retryAfterMs);
    return undefined;
  }

  /**
   * Begins a call. @returns what {@link end} is to be given
   * @throws BanditError deadline_exceeded; resource_exhausted (`OVERLOADED`, `RATE_LIMITED`); invalid_argument
   *   for a key that is too long
   */
  begin(requestClass: RequestClass, items: number, context: CallerContext): number {
    if (context.deadlineMs !== undefined) this.checkDeadline(requestClass, context);
    if (this.#limiter !== undefined) this.#limitRate(this.#limiter, items, context);
    const { counted, retryAfterMs } = this.#admission.enter(requestClass, items);
    if (retryAfterMs !== undefined) throw this.#overloadedError(retryAfterMs);
    return counted;
  }

  /** @param startedMs when it came, by the monotonic clock */
  end(requestClass: RequestClass, counted: number, startedMs: number): void {
    this.#admission.leave(requestClass, counted, this.#clock.monotonicMs() - startedMs);
  }

  /** @throws BanditError deadline_exceeded when nobody waits for this call, or this item of a batch, any more */
  checkDeadline(requestClass: RequestClass, { deadlineMs }: CallContext): void {
    if (deadlineMs === undefined || this.#clock.nowMs() < deadlineMs) return;
    this.#telemetry.count("bandit_requests_expired_total", { class: requestClass });
    throw new BanditError("deadline_exceeded", "the deadline had passed before this was begun", {
      reason: "DEADLINE_EXCEEDED",
    });
  }

  #limitRate(limiter: RateLimiter, items: number, { peer, callerKey }: CallerContext): void {
    if (callerKey !== undefined && callerKey.length > callerKeyCharactersMax) {
      throw invalidField(callerKeyHeader, `has at most ${callerKeyCharactersMax} characters`);
    }
    // Hashed: keys are often secrets, and a hash has the same length whatever the key has.
    const caller =
      callerKey === undefined || callerKey === ""
        ? { peer }
        : { peer, key: hash("sha256", callerKey, "base64url") };
    const waitMs = limiter.take(caller, items);
    if (waitMs === 0) return;
    this.#telemetry.count("bandit_requests_rate_limited_total", undefined, items);
    if (waitMs === Number.POSITIVE_INFINITY) throw batchAboveBurst(items);
    throw this.#rateLimitedError(Math.ceil(waitMs));
  }

  #watchTurn(): void {
    if (this.#isTurnWatched) return;
    this.#isTurnWatched = true;
    setImmediate(() => {
      this.#isTurnWatched = false;
      this.#arrivals.endTurn();
      this.#admission.forgetAnnounced();
    });
  }

  #observe(delayMs: number): void {
    // A turn with or without calls: of those that come after it nobody has waited since before it.
    this.#watchTurn();
    this.#arrivals.read();
    this.#admission.observeDelay(delayMs);
    this.#delayMaxMs = Math.max(this.#delayMaxMs, delayMs);
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#publishAtMs) return;
    this.#publishAtMs = nowMs + publishIntervalMs;
    this.#admission.publish();
    this.#telemetry.gauge("bandit_event_loop_delay_ms", this.#delayMaxMs);
    if (this.#limiter !== undefined) {
      this.#telemetry.gauge("bandit_rate_limit_callers", this.#limiter.size);
    }
    this.#delayMaxMs = 0;
  }

  /** One per delay that is drawn, which are few. */
  #overloadedError(retryAfterMs: number): BanditError {
    let error = this.#overloaded.get(retryAfterMs);
    if (error === undefined) {
      error = new BanditError(
        "resource_exhausted",
        "the service has more to do than it can do in time; nothing was done for this call",
        { reason: "OVERLOADED", retryAfterMs },
      );
      this.#overloaded.set(retryAfterMs, error);
    }
    return error;
  }

  #rateLimitedError(retryAfterMs: number): BanditError {
    let error = this.#rateLimited.get(retryAfterMs);
    if (error === undefined) {
      error = new BanditError(
        "resource_exhausted",
        "this caller makes more calls than it may; nothing was done for this one",
        { reason: "RATE_LIMITED", retryAfterMs },
      );
      if (this.#rateLimited.size >= rateLimitErrorsMax) this.#rateLimited.clear();
      this.#rateLimited.set(retryAfterMs, error);
    }
    return error;
  }
}

function batchAboveBurst(items: number): BanditError {
  return new BanditError(
    "resource_exhausted",
    `${items} items at once are more than a caller may ever send; send smaller batches`,
    { reason: "RATE_LIMITED" },
  );
}
