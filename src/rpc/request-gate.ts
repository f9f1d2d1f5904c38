import { hash } from "node:crypto";
import { deadlineExceeded } from "../concurrency/deadline.ts";
import { BanditError, invalidField } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import type { Admission, RequestClass } from "../service/admission/admission.ts";
import type { RateLimiter } from "../service/admission/rate-limiter.ts";
import type { CallContext } from "../service/api/call-context.ts";
import { RefusalLog } from "./refusal-log.ts";

/** Metadata or header in which a caller names itself, for its rate limit. */
export const callerHeader = "x-bandit-caller";
/** Longer names are refused. */
export const callerCharactersMax = 128;
/** Prepared errors kept for rate limits, one per millisecond of delay that was told. */
const rateLimitErrorsMax = 2_048;
/** Between two times that the gauges are set and the refused calls are logged. */
const publishIntervalMs = 1_000;

/** What the gate wants to know of a call; asked for only when it needs it. */
export interface CallerContext extends CallContext {
  /** Address of the peer, without its port. */
  readonly peer: string;
  /** The name that the caller gives itself. */
  readonly caller: string | undefined;
}

export interface RequestGateOptions {
  readonly admission: Admission;
  /** Absent: no limit. */
  readonly limiter?: RateLimiter;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}

/**
 * What every call passes before anything is done for it, the same on both ports: its deadline, its
 * caller's rate, and whether there is room. Errors are made once and thrown again: when calls are
 * refused by the thousand, making an error costs more than all the rest (100 µs with its details).
 */
export class RequestGate {
  /** Told of every refused call; written once a second. */
  readonly refusals: RefusalLog;
  readonly #admission: Admission;
  readonly #limiter: RateLimiter | undefined;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #overloaded = new Map<number, BanditError>();
  readonly #rateLimited = new Map<number, BanditError>();
  #timer: NodeJS.Timeout | undefined;
  #isTurnWatched = false;

  constructor({ admission, limiter, clock, telemetry, logger }: RequestGateOptions) {
    this.#admission = admission;
    this.#limiter = limiter;
    this.#clock = clock;
    this.#telemetry = telemetry;
    this.refusals = new RefusalLog(logger);
  }

  /** Begins to set gauges and to log refused calls. Does not keep the process alive. */
  start(): void {
    this.#timer = setInterval(() => this.#publish(), publishIntervalMs).unref();
  }

  /** Logs the refusals since the last time. Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
    this.#publish();
  }

  /**
   * To be asked as soon as the name of the call is known, before its message is read.
   * @returns why it is refused; undefined: read on, and {@link begin} it
   */
  refusal(requestClass: RequestClass): BanditError | undefined {
    this.#watchTurn();
    const retryAfterMs = this.#admission.announce(requestClass);
    return retryAfterMs === undefined ? undefined : this.#overloadedError(retryAfterMs);
  }

  /**
   * Begins a call, which must {@link end} unless this throws. @param items of a batch, for its caller's rate
   * @throws BanditError deadline_exceeded; resource_exhausted (`OVERLOADED`, `RATE_LIMITED`); invalid_argument
   *   for a caller's name that is too long
   */
  begin(requestClass: RequestClass, items: number, context: CallerContext): void {
    if (context.deadlineMs !== undefined) this.checkDeadline(requestClass, context);
    const retryAfterMs = this.#admission.enter(requestClass);
    if (retryAfterMs !== undefined) throw this.#overloadedError(retryAfterMs);
    if (this.#limiter === undefined || requestClass === "switch") return;
    try {
      this.#limitRate(this.#limiter, items, context);
    } catch (error) {
      this.end(requestClass);
      throw error;
    }
  }

  /** However it has ended. */
  end(requestClass: RequestClass): void {
    this.#admission.leave(requestClass);
  }

  /** @throws BanditError deadline_exceeded when nobody waits for this call, or this item of a batch, any more */
  checkDeadline(requestClass: RequestClass, { deadlineMs }: CallContext): void {
    if (deadlineMs === undefined || this.#clock.nowMs() < deadlineMs) return;
    this.#telemetry.count("bandit_requests_expired_total", { class: requestClass });
    throw deadlineExceeded("the deadline had passed before this was begun");
  }

  #limitRate(limiter: RateLimiter, items: number, { peer, caller: name }: CallerContext): void {
    if (name !== undefined && name.length > callerCharactersMax) {
      throw invalidField(callerHeader, `has at most ${callerCharactersMax} characters`);
    }
    // Hashed: names are sometimes secrets, and a hash has the same length whatever the name has.
    const caller =
      name === undefined || name === ""
        ? { peer }
        : { peer, name: hash("sha256", name, "base64url") };
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
      const { idle } = performance.eventLoopUtilization();
      this.#admission.endTurn(idle, this.#clock.monotonicMs());
    });
  }

  #publish(): void {
    this.#admission.publish();
    this.refusals.write();
    if (this.#limiter !== undefined) {
      this.#telemetry.gauge("bandit_rate_limit_callers", this.#limiter.size);
    }
  }

  /** One per delay that is drawn, which are few. */
  #overloadedError(retryAfterMs: number): BanditError {
    let error = this.#overloaded.get(retryAfterMs);
    if (error === undefined) {
      error = new BanditError(
        "resource_exhausted",
        "the bound on calls under way is reached; nothing was done for this call",
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
        "this caller exceeds its rate limit; nothing was done for this call",
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
    `${items} items at once are more than the rate limit ever allows; send smaller batches`,
    { reason: "RATE_LIMITED" },
  );
}
