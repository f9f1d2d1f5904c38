import type { Entropy } from "../../ports/entropy.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { burstBounds, type QueueBounds, standingBounds } from "./queue-bounds.ts";
import { type LoopTimes, StandingOverload } from "./standing-overload.ts";

/** What a call is for; decides who is refused first when there is more to do than can be done in time. */
export type RequestClass = "select" | "report" | "control";

export const requestClasses: readonly RequestClass[] = ["select", "report", "control"];

/**
 * Part of the limit that all calls under way may reach before a call of this class is refused, and of the time that one
 * may have waited. An agent that gets no decision stands still; a report can be sent again later; whoever looks at the
 * console can wait. So control calls are refused first and selects last.
 */
export const classShares: Readonly<Record<RequestClass, number>> = {
  select: 1,
  report: 0.75,
  control: 0.5,
};

/** A batch never counts as more than this part of its class's limit: else a large one would starve. */
const batchShareMax = 0.5;
/**
 * The limit shrinks only if as many calls came together: of fewer not even the smallest limit refuses any,
 * whatever their class, so they are not what it would help against. A pause of an idle process (garbage
 * collection, a busy machine) leaves the limit alone.
 */
export function calledToShrink({ limitMin }: QueueBounds): number {
  return limitMin * classShares.control;
}
/** Weight of one call in the average: it follows within some dozen calls. */
const durationWeight = 0.05;
/** What is left of the average after a measurement without calls: what nobody has seen again is over in a second. */
const durationDecay = 0.97;
const shrinkFactor = 0.8;
/** Growth of a limit that is in use: carefully, since more may be too much. */
const growFactor = 1.02;
/** Growth of one that is not, as a part of `requestsMax`: back at it after a quiet second. */
const growShare = 0.01;
/** A limit is in use when so much of it was. */
const usedShare = 0.5;

/** Refused calls are asked to come back after this … */
export const retryAfterMsMin = 100;
/** … or up to this many milliseconds later, drawn anew for each, so that they do not come back together. */
export const retryAfterMsMax = 1_000;
/** Distinct delays, so that refusals can be prepared once. */
const retryAfterSteps = 32;
const retryAfterStepMs = (retryAfterMsMax - retryAfterMsMin) / (retryAfterSteps - 1);

/** Why a call is refused: as many as are ever allowed are under way; or answers, or the call itself, are late. */
export type ShedReason = "in_flight" | "delay";

export interface AdmissionOptions {
  /** Calls and batch items that may be under way at once. */
  readonly requestsMax: number;
  readonly entropy: Entropy;
  readonly telemetry: Telemetry;
  /** Absent: of this process. */
  readonly readLoop?: () => LoopTimes;
}

/**
 * Decides whether one more call may begin. The limit is `requestsMax` as long as the event loop turns in
 * time and decisions are answered in time. While they are not and there are calls enough to be the reason,
 * the limit shrinks by a fifth with each measurement. When the delay has gone it grows again, by a fiftieth while
 * it is in use: the shape that TCP uses, because no figure for "how much is too much" fits every machine.
 * While it is not in use it grows back to `requestsMax` within a second: what was too much a minute ago
 * says nothing about now. Waiting in the process is thereby kept short, and what does not fit is refused at once
 * instead of being answered late: {@link burstBounds} say how short, and {@link standingBounds} once an overload lasts. A
 * store that is slow whatever the load costs no more than this: the smallest limit of the former.
 */
export class Admission {
  readonly #requestsMax: number;
  readonly #telemetry: Telemetry;
  readonly #entropy: Entropy;
  readonly #inFlight: Record<RequestClass, number> = { select: 0, report: 0, control: 0 };
  /** Calls whose headers have come in this turn of the event loop and whose messages have not. */
  readonly #announced: Record<RequestClass, number> = { select: 0, report: 0, control: 0 };
  readonly #overload: StandingOverload;
  #limit: number;
  /** Most calls under way or announced since the last measurement of the delay. */
  #peak = 0;
  /** Of decisions, moving average. */
  #durationMs = 0;
  /** Whether a decision has ended since the last measurement of the delay. */
  #measured = false;
  readonly #random = new Uint8Array(256);
  #randomAt = 256;

  constructor({ requestsMax, entropy, telemetry, readLoop }: AdmissionOptions) {
    this.#overload = new StandingOverload(readLoop);
    this.#requestsMax = requestsMax;
    this.#limit = requestsMax;
    this.#entropy = entropy;
    this.#telemetry = telemetry;
    this.publish();
  }

  /** Calls that may be under way now, between the smallest limit in force (or `requestsMax`, if smaller) and `requestsMax`. */
  get limit(): number {
    return this.#limit;
  }

  /** Calls and batch items under way. */
  get inFlight(): number {
    return this.#inFlight.select + this.#inFlight.report + this.#inFlight.control;
  }

  /**
   * Asked when nothing but the name of the call is known, so that a refusal costs next to nothing.
   * @param waitedMs for how long it may have waited to be read
   * @returns after how many milliseconds to come back; undefined: go on, {@link enter} has the last word.
   */
  announce(requestClass: RequestClass, waitedMs: number): number | undefined {
    this.#overload.called();
    const coming = this.inFlight + this.#announcedTotal + 1;
    this.#peak = Math.max(this.#peak, coming);
    // A single one that is late has waited for work that nobody asked for, which refusing it does not help.
    const isLate = coming > 1 && this.#isLate(requestClass, waitedMs);
    if (isLate || coming > this.#room(requestClass)) return this.#shed(requestClass);
    this.#announced[requestClass] += 1;
    return undefined;
  }

  /** The turn of the event loop is over: what was announced in it has begun, or never will. */
  forgetAnnounced(): void {
    for (const requestClass of requestClasses) this.#announced[requestClass] = 0;
  }

  /**
   * Begins a call, or a batch of `items` as a whole. Each that was let in must {@link leave} with the
   * number that was returned.
   */
  enter(requestClass: RequestClass, items: number): Entry {
    if (this.#announced[requestClass] > 0) this.#announced[requestClass] -= 1;
    const room = this.#room(requestClass);
    const counted = Math.max(1, Math.min(items, Math.floor(room * batchShareMax)));
    const inFlight = this.inFlight;
    if (inFlight > 0 && inFlight + counted > room) {
      return { counted: 0, retryAfterMs: this.#shed(requestClass) };
    }
    this.#inFlight[requestClass] += counted;
    this.#peak = Math.max(this.#peak, inFlight + counted);
    return { counted, retryAfterMs: undefined };
  }

  /** The call has ended, however. @param counted what {@link enter} returned @param durationMs since then */
  leave(requestClass: RequestClass, counted: number, durationMs: number): void {
    this.#inFlight[requestClass] -= counted;
    // Batches may take their time, and refused calls take none.
    if (requestClass === "select" && counted === 1) {
      this.#measured = true;
      this.#durationMs += durationWeight * (durationMs - this.#durationMs);
    }
  }

  /** A measurement of how late the event loop is; to be told at short, even intervals. */
  observeDelay(delayMs: number): void {
    // Calls that pile up and do not end are no sign that they would be fast.
    if (!this.#measured && this.inFlight < calledToShrink(this.#bounds))
      this.#durationMs *= durationDecay;
    this.#measured = false;
    this.#overload.measure(delayMs);
    const { delayHighMs, delayLowMs, durationHighMs, durationLowMs } = this.#bounds;
    // The overload may just be over, and its floor was lower.
    this.#limit = Math.max(this.#limit, this.#limitMin);
    if (delayMs > delayHighMs || this.#durationMs > durationHighMs) {
      if (this.#peak >= calledToShrink(this.#bounds)) this.#shrink();
    } else if (delayMs < delayLowMs && this.#durationMs < durationLowMs) {
      this.#grow();
    }
    this.#peak = this.inFlight;
  }

  #shrink(): void {
    this.#limit = Math.max(this.#limitMin, Math.floor(this.#limit * shrinkFactor));
  }

  #grow(): void {
    const grown =
      this.#peak >= this.#limit * usedShare
        ? this.#limit * growFactor
        : this.#limit + this.#requestsMax * growShare;
    this.#limit = Math.min(this.#requestsMax, Math.ceil(grown));
  }

  /** Sets the gauges; often enough for a scrape. */
  publish(): void {
    for (const requestClass of requestClasses) {
      this.#telemetry.gauge("bandit_requests_in_flight", this.#inFlight[requestClass], {
        class: requestClass,
      });
    }
    this.#telemetry.gauge("bandit_requests_limit", this.#limit);
    this.#telemetry.gauge("bandit_overload_standing", this.#overload.isStanding ? 1 : 0);
  }

  get #bounds(): QueueBounds {
    return this.#overload.isStanding ? standingBounds : burstBounds;
  }

  get #limitMin(): number {
    return Math.min(this.#bounds.limitMin, this.#requestsMax);
  }

  get #announcedTotal(): number {
    return this.#announced.select + this.#announced.report + this.#announced.control;
  }

  /** Calls of all classes that may be under way when one of this class begins. */
  #room(requestClass: RequestClass): number {
    return Math.max(1, Math.floor(this.#limit * classShares[requestClass]));
  }

  /** Whether it has waited for too long already; while the limit is at its largest a pause made it wait, not the load. */
  #isLate(requestClass: RequestClass, waitedMs: number): boolean {
    return (
      this.#limit < this.#requestsMax &&
      waitedMs > this.#bounds.arrivalWaitMaxMs * classShares[requestClass]
    );
  }

  #shed(requestClass: RequestClass): number {
    this.#overload.shed();
    const reason: ShedReason = this.#limit < this.#requestsMax ? "delay" : "in_flight";
    this.#telemetry.count("bandit_requests_shed_total", shedLabels[requestClass][reason]);
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

export type Entry =
  /** Let in; `counted` is to be given back. */
  | { readonly counted: number; readonly retryAfterMs: undefined }
  /** Refused. */
  | { readonly counted: 0; readonly retryAfterMs: number };

const shedLabels = {
  select: labelsOf("select"),
  report: labelsOf("report"),
  control: labelsOf("control"),
} as const satisfies Record<RequestClass, unknown>;

function labelsOf(requestClass: RequestClass): Record<ShedReason, Record<string, string>> {
  return {
    in_flight: { class: requestClass, reason: "in_flight" },
    delay: { class: requestClass, reason: "delay" },
  };
}
