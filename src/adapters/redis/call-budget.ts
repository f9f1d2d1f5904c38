import { BanditError } from "../../domain/errors.ts";

/** How many calls of a store are collected or under way, and how much they hold; one for all of its batchers. */
export class CallBudget {
  readonly #callsMax: number;
  readonly #bytesMax: number;
  #open = 0;
  #bytes = 0;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: { callsMax: number; bytesMax: number }) {
    this.#callsMax = options.callsMax;
    this.#bytesMax = options.bytesMax;
  }

  /** @throws BanditError resource_exhausted, or unavailable after {@link close}. */
  take(bytes = 0): void {
    if (this.#closed) {
      throw new BanditError("unavailable", "the state store is closed", { reason: "STATE_CLOSED" });
    }
    if (this.#open >= this.#callsMax || this.#bytes + bytes > this.#bytesMax) {
      throw new BanditError(
        "resource_exhausted",
        "too many calls are waiting for the state store",
        {
          reason: "STATE_QUEUE_FULL",
          retryAfterMs: 100,
        },
      );
    }
    this.#open += 1;
    this.#bytes += bytes;
  }

  giveBack(calls: number, bytes = 0): void {
    this.#open -= calls;
    this.#bytes -= bytes;
    if (this.#open === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Refuses new calls and resolves when none is open. */
  close(): Promise<void> {
    this.#closed = true;
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }
}
