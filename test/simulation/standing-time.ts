import { vi } from "vitest";

/** How far time goes at once, milliseconds. */
export const stepMs = 5;

/**
 * Time that goes on when told to, and engines whose every call is over before it does, answered in the order of asking.
 * So what happens is the same every time, although the engines are real.
 */
export class StandingTime {
  /** Milliseconds since the start. */
  passedMs = 0;
  #underWay = 0;
  #allDone = Promise.withResolvers<void>();
  #lastAnswer: Promise<unknown> = Promise.resolve();

  /** From now on no timer rings by itself. */
  stop(): void {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
  }

  /** Timers ring by themselves again; those that were set and have not rung never do. */
  release(): void {
    vi.useRealTimers();
  }

  async pass(ms: number): Promise<void> {
    for (const untilMs = this.passedMs + ms; this.passedMs < untilMs; ) await this.#step();
  }

  /** Lets time pass until the promise has been settled. @throws Error after ten minutes */
  async until<Result>(promise: Promise<Result>): Promise<Result> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    promise.then(over, over);
    await this.#settle();
    for (const giveUpAtMs = this.passedMs + 600_000; !isOver; await this.#step()) {
      if (this.passedMs > giveUpAtMs) throw new Error("it has not happened for ten minutes");
    }
    return promise;
  }

  /** The engine's port; time stands still while a call of it is under way. */
  hold<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown;
        if (name === "repair") return this.hold(member as object);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => this.#held(member.apply(target, args));
      },
    });
  }

  #held(result: unknown): unknown {
    if (result instanceof Promise) return this.#answerInTurn(result);
    const isListing =
      typeof result === "object" && result !== null && Symbol.asyncIterator in result;
    return isListing ? this.hold(result) : result;
  }

  #answerInTurn(result: Promise<unknown>): Promise<unknown> {
    this.#underWay += 1;
    const answer = this.#lastAnswer.then(() => result);
    this.#lastAnswer = Promise.allSettled([answer]);
    return answer.finally(() => {
      this.#underWay -= 1;
      if (this.#underWay > 0) return;
      this.#allDone.resolve();
      this.#allDone = Promise.withResolvers();
    });
  }

  async #step(): Promise<void> {
    this.passedMs += stepMs;
    vi.advanceTimersByTime(stepMs);
    await this.#settle();
  }

  /** Until no engine is asked anything and nothing waits for the next turn of the event loop. */
  async #settle(): Promise<void> {
    for (let idleTurns = 0; idleTurns < 4; idleTurns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#underWay === 0) continue;
      idleTurns = 0;
      await this.#allDone.promise;
    }
  }
}
