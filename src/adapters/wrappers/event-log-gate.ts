import { BanditError } from "../../domain/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";

/**
 * Lets calls through to an event log while it is open. Before its schema is up to date nothing may go in: an
 * old table would take a new row without the columns that it lacks. When the process ends, nothing may be
 * waited for. In both cases calls, also those under way, reject with `unavailable`: their rows stay where they are.
 */
export class EventLogGate implements EventLog {
  readonly #eventLog: EventLog;
  readonly #underWay = new Set<(error: BanditError) => void>();
  #isOpen = false;
  #isShutForGood = false;
  #why = "its schema is not up to date yet";

  /** Shut. */
  constructor(eventLog: EventLog) {
    this.#eventLog = eventLog;
  }

  open(): void {
    this.#isOpen = !this.#isShutForGood;
  }

  /** For good. @param why for the message of the errors, e.g. `the service is stopping` */
  shut(why: string): void {
    this.#why = why;
    this.#isShutForGood = true;
    this.#isOpen = false;
    for (const reject of this.#underWay) reject(this.#shutError());
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

  listLearnedGroups(
    ...input: Parameters<EventLog["listLearnedGroups"]>
  ): ReturnType<EventLog["listLearnedGroups"]> {
    return this.#pass(() => this.#eventLog.listLearnedGroups(...input));
  }

  findFirstDecisionMs(
    ...input: Parameters<EventLog["findFirstDecisionMs"]>
  ): ReturnType<EventLog["findFirstDecisionMs"]> {
    return this.#pass(() => this.#eventLog.findFirstDecisionMs(...input));
  }

  readClockMs(): Promise<number> {
    return this.#pass(() => this.#eventLog.readClockMs());
  }

  readGenerations(
    ...input: Parameters<EventLog["readGenerations"]>
  ): ReturnType<EventLog["readGenerations"]> {
    return this.#pass(() => this.#eventLog.readGenerations(...input));
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
    if (!this.#isOpen) throw this.#shutError();
    const { promise: ended, reject } = Promise.withResolvers<never>();
    this.#underWay.add(reject);
    try {
      return await Promise.race([call(), ended]);
    } finally {
      this.#underWay.delete(reject);
    }
  }

  #shutError(): BanditError {
    return new BanditError("unavailable", `the event log cannot be used: ${this.#why}`, {
      reason: "EVENT_LOG_UNAVAILABLE",
      retryAfterMs: 1_000,
    });
  }
}
