import { BanditError } from "../../domain/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";

/**
 * Lets calls through to an event log while it is open. Before its schema is up to date nothing may go in: an
 * old table would take a new row without the columns that it lacks. When the process ends, nothing may be
 * waited for. In both cases calls, also those under way, reject with `unavailable`: their rows stay where they are.
 */
export class EventLogGate implements EventLog {
  readonly #eventLog: EventLog;
  #open: PromiseWithResolvers<never> | undefined;
  #why = "its schema is not up to date yet";
  #isShutForGood = false;

  /** Shut. */
  constructor(eventLog: EventLog) {
    this.#eventLog = eventLog;
  }

  open(): void {
    if (this.#open !== undefined || this.#isShutForGood) return;
    this.#open = Promise.withResolvers<never>();
    // It rejects when the gate is shut, also when no call waits then.
    this.#open.promise.catch(() => undefined);
  }

  /** For good. @param why for the message of the errors, e.g. `the service is stopping` */
  shut(why: string): void {
    this.#why = why;
    this.#isShutForGood = true;
    this.#open?.reject(this.#shutError());
    this.#open = undefined;
  }

  append(...input: Parameters<EventLog["append"]>): Promise<void> {
    return this.#pass(() => this.#eventLog.append(...input));
  }

  findGeneration(
    ...input: Parameters<EventLog["findGeneration"]>
  ): ReturnType<EventLog["findGeneration"]> {
    return this.#pass(() => this.#eventLog.findGeneration(...input));
  }

  listWithoutOutcome(
    ...input: Parameters<EventLog["listWithoutOutcome"]>
  ): ReturnType<EventLog["listWithoutOutcome"]> {
    return this.#pass(() => this.#eventLog.listWithoutOutcome(...input));
  }

  query(...input: Parameters<EventLog["query"]>): ReturnType<EventLog["query"]> {
    return this.#pass(() => this.#eventLog.query(...input));
  }

  /** Tells of the engine, whether the gate is open or not. */
  ping(): Promise<void> {
    return this.#eventLog.ping();
  }

  close(): Promise<void> {
    this.shut("it is closed");
    return this.#eventLog.close();
  }

  async #pass<Result>(call: () => Promise<Result>): Promise<Result> {
    if (this.#open === undefined) throw this.#shutError();
    return Promise.race([call(), this.#open.promise]);
  }

  #shutError(): BanditError {
    return new BanditError("unavailable", `the event log cannot be used: ${this.#why}`, {
      reason: "EVENT_LOG_UNAVAILABLE",
      retryAfterMs: 1_000,
    });
  }
}
