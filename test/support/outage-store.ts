import { BanditError } from "../../src/domain/errors.ts";
import type { StateStore } from "../../src/ports/state-store.ts";

/**
 * `down`: refused, nothing is done. `answers_lost`: done, then the connection breaks. `silent`: no answer, nothing is
 * done. `silent_done`: done, no answer.
 */
export type OutageMode = "up" | "down" | "answers_lost" | "silent" | "silent_done";

/** What listens, or gives no promise, is left alone. */
const alwaysThere: ReadonlySet<PropertyKey> = new Set([
  "shared",
  "repair",
  "onTotalsChanged",
  "close",
]);

/** A real state store behind a connection that fails as the test says. */
export class OutageStore {
  readonly store: StateStore;
  mode: OutageMode = "up";
  /** A caller of this one gets no answer any more, as if its process had been killed. */
  isDead = false;
  #calls = 0;

  constructor(state: StateStore) {
    this.store = new Proxy(state, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== "function") return member;
        const bound = member.bind(target) as (...args: unknown[]) => unknown;
        if (alwaysThere.has(name)) return bound;
        // The one method that gives no promise; a listing that breaks off is not what is tested here.
        if (name === "listTotals") return bound;
        return (...args: unknown[]) => this.#call(() => bound(...args) as Promise<unknown>);
      },
    });
  }

  /** Calls so far, answered or not. */
  get calls(): number {
    return this.#calls;
  }

  async #call(work: () => Promise<unknown>): Promise<unknown> {
    this.#calls += 1;
    const { mode } = this;
    if (this.isDead) return never();
    if (mode === "silent") return timeOut();
    if (mode === "down") throw cannotBeReached();
    const result = await work();
    if (this.isDead) return never();
    if (mode === "silent_done") return timeOut();
    if (mode === "answers_lost") throw cannotBeReached();
    return result;
  }
}

/** What a real store's own time-out does in the end, long after nobody waits any more. */
async function timeOut(): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, 500));
  throw new BanditError("unavailable", "the state store did not answer in time", {
    reason: "STATE_TIMEOUT",
  });
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

function cannotBeReached(): BanditError {
  return new BanditError("unavailable", "the state store cannot be reached", {
    reason: "STATE_UNAVAILABLE",
  });
}
