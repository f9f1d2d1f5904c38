import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Engines } from "../../../src/app/engines.ts";
import { BanditError } from "../../../src/domain/errors.ts";
import type { StateStore } from "../../../src/ports/state-store.ts";
import { type ClockworkSite, openClockworkSite } from "../../support/clockwork-site.ts";

let site: ClockworkSite;
let engines: Engines | undefined;

beforeEach(async () => {
  site = await openClockworkSite();
});
afterEach(async () => {
  await engines?.close();
  await site.remove();
});

/** An object whose method is another one. */
function withMethod<T extends object>(target: T, name: keyof T, method: unknown): T {
  return new Proxy(target, {
    get(_, property) {
      if (property === name) return method;
      const value = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Counts who listens. */
function counted<T extends object>(target: T, name: keyof T, listeners: Set<unknown>): T {
  const listen = (target[name] as (listener: unknown) => () => void).bind(target);
  return withMethod(target, name, (listener: unknown) => {
    listeners.add(listener);
    const stop = listen(listener);
    return () => {
      listeners.delete(listener);
      stop();
    };
  });
}

it.each(["listTotals", "outboxState"] as const)(
  "a start that fails at %s leaves nobody who listens or works",
  async (method) => {
    const refusal = new BanditError("failed_precondition", "refused", { reason: "REFUSED" });
    const listeners = new Set();
    let reads = 0;
    const opening = site.open({
      changes(opened) {
        engines = opened;
        const refused = withMethod(opened.state, method, () => {
          if (method === "outboxState") return Promise.reject(refusal);
          throw refusal;
        });
        const read = withMethod<StateStore>(refused, "readOutbox", () => {
          reads += 1;
          return Promise.resolve(undefined);
        });
        return {
          catalogue: counted(opened.catalogue, "onChange", listeners),
          state: counted(read, "onTotalsChanged", listeners),
        };
      },
    });
    await expect(opening).rejects.toThrow("refused");
    expect(listeners.size).toBe(0);
    const before = reads;
    await sleep(100);
    expect(reads).toBe(before);
  },
);
