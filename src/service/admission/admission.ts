import type { Entropy } from "../../ports/entropy.ts";
import type { Telemetry } from "../../ports/telemetry.ts";

/**
 * What a call is for. `switch` is the kill switch and what `banditd mode` needs besides; everything that is neither
 * that nor a decision nor a report is `control`.
 */
export type RequestClass = "select" | "report" | "control" | "switch";

/**
 * Part of the bound that all calls under way may reach before a call of this class is refused. An agent that
 * gets no decision stands still, a report can be sent again later, and an operator who looks at something can wait.
 * The kill switch is never refused and takes no room from the others.
 */
export const classShares: Readonly<Record<Exclude<RequestClass, "switch">, number>> = {
  select: 1,
  report: 0.9,
  control: 0.85,
};

/**
 * The bound while a queue stands: 320 calls are answered in about 100 ms by a process that does three thousand a second.
 * Its smallest share is 272, so callers who wait for their answers, up to 256 of them, are never refused.
 */
export const standingRequestsMax = 320;
/**
 * A queue stands when it has not been short for so long, milliseconds. A pause for garbage collection lets calls pile up
 * for 160 ms, and at half load it takes as long again until they are answered.
 */
export const standingAfterMs = 400;
/**
 * The queue is short when the event loop has idled, so that no call waits in a socket, and fewer than this are under way, so
 * that few wait for the state store.
 */
export const shortQueueMax = 64;
/** Less is no idling, but the time that asking takes. */
const idleMsMin = 0.1;

const requestClasses: readonly RequestClass[] = ["select", "report", "control", "switch"];

/** Refused calls are asked to come back after this … */
export const retryAfterMsMin = 100;
/** … or up to this many milliseconds later, drawn anew for each, so that they do not come back together. */
export const retryAfterMsMax = 1_000;
/** Distinct delays, so that refusals can be prepared once. */
const retryAfterSteps = 32;
const retryAfterStepMs = (retryAfterMsMax - retryAfterMsMin) / (retryAfterSteps - 1);

/**
 * Bounds the calls under way and refuses those beyond the bound. The bound is `requestsMax`, so that a burst, and calls that
 * piled up in a pause, are answered. While a queue stands it is {@link standingRequestsMax}: a queue that does not empty only
 * adds its length to every answer (Nichols and Jacobson, "Controlling Queue Delay", 2012; "has not been empty for so long" is
 * the test of Maurer, "Fail at Scale", 2015).
 */
export class Admission {
  readonly #requestsMax: number;
  readonly #telemetry: Telemetry;
  readonly #entropy: Entropy;
  readonly #inFlight: Record<RequestClass, number> = {
    select: 0,
    report: 0,
    control: 0,
    switch: 0,
  };
  /** Calls whose headers have come in this turn of the event loop and whose messages have not. */
  #announced = 0;
  readonly #random = new Uint8Array(256);
  #randomAt = 256;

  /** Of the event loop since it began, milliseconds. */
  #idleMs = 0;
  /** When the queue was last seen to be short. */
  #shortAtMs = Number.POSITIVE_INFINITY;
  #isStanding = false;

  /** @param options.requestsMax calls that may be under way at once, at least 1 */
  constructor(options: { requestsMax: number; entropy: Entropy; telemetry: Telemetry }) {
    this.#requestsMax = options.requestsMax;
    this.#entropy = options.entropy;
    this.#telemetry = options.telemetry;
    this.publish();
  }

  /** Calls under way, without those of the class `switch`. */
  get inFlight(): number {
    return this.#inFlight.select + this.#inFlight.report + this.#inFlight.control;
  }

  /**
   * Asked when nothing but the name of the call is known, so that a refusal costs next to nothing.
   * @returns after how many milliseconds to come back; undefined: go on, {@link enter} has the last word.
   */
  announce(requestClass: RequestClass): number | undefined {
    if (requestClass === "switch") return undefined;
    if (this.inFlight + this.#announced >= this.#room(requestClass))
      return this.#shed(requestClass);
    this.#announced += 1;
    return undefined;
  }

  /**
   * To be told at the end of each turn of the event loop in which calls came: what was announced in it has begun, or will
   * be asked for again. @param idleMs for how long the loop has idled since it began @param nowMs monotonic
   */
  endTurn(idleMs: number, nowMs: number): void {
    this.#announced = 0;
    const idledMs = idleMs - this.#idleMs;
    this.#idleMs = idleMs;
    if (idledMs >= idleMsMin && this.inFlight < shortQueueMax) this.#shortAtMs = nowMs;
    this.#isStanding = nowMs - this.#shortAtMs >= standingAfterMs;
  }

  /**
   * Begins a call.
   * @returns after how many milliseconds to come back; undefined: it has begun, and must {@link leave}.
   */
  enter(requestClass: RequestClass): number | undefined {
    if (requestClass !== "switch") {
      if (this.#announced > 0) this.#announced -= 1;
      if (this.inFlight >= this.#room(requestClass)) return this.#shed(requestClass);
    }
    this.#inFlight[requestClass] += 1;
    return undefined;
  }

  /** A call that was begun has ended, however. */
  leave(requestClass: RequestClass): void {
    this.#inFlight[requestClass] -= 1;
  }

  /** Sets the gauges; often enough for a scrape. */
  publish(): void {
    for (const requestClass of requestClasses) {
      const labels = { class: requestClass };
      this.#telemetry.gauge("bandit_requests_in_flight", this.#inFlight[requestClass], labels);
    }
  }

  /** Calls of all classes that may be under way when one of this class has begun. */
  #room(requestClass: keyof typeof classShares): number {
    const bound = this.#isStanding
      ? Math.min(standingRequestsMax, this.#requestsMax)
      : this.#requestsMax;
    return Math.max(1, Math.floor(bound * classShares[requestClass]));
  }

  #shed(requestClass: keyof typeof classShares): number {
    this.#telemetry.count("bandit_requests_shed_total", shedLabels[requestClass]);
    return retryAfterMsMin + Math.round((this.#randomByte() % retryAfterSteps) * retryAfterStepMs);
  }

  #randomByte(): number {
    if (this.#randomAt === this.#random.length) {
      this.#entropy.fill(this.#random);
      this.#randomAt = 0;
    }
    const byte = this.#random[this.#randomAt] as number;
    this.#randomAt += 1;
    return byte;
  }
}

const shedLabels: Readonly<Record<keyof typeof classShares, Record<string, string>>> = {
  select: { class: "select" },
  report: { class: "report" },
  control: { class: "control" },
};
