import { describe, expect, it, vi } from "vitest";
import { openLateStateStore } from "../../../../src/adapters/wrappers/late-state-store.ts";
import { BanditError } from "../../../../src/domain/errors.ts";
import type { ArmTotals, StateStore } from "../../../../src/ports/state-store.ts";
import { useFakeTimers } from "../../../support/fake-timers.ts";
import { silentLogger, systemClock } from "../../../support/state-samples.ts";

const away = new BanditError("unavailable", "away", { reason: "STATE_UNAVAILABLE" });
const full = new BanditError("resource_exhausted", "full", {
  reason: "STATE_FULL",
  retryAfterMs: 1000,
});
const tooOld = new BanditError("failed_precondition", "too old", { reason: "REDIS_TOO_OLD" });

/** Connects with what comes next of the given results, the last one again and again. */
function connecting(...results: (BanditError | StateStore)[]) {
  const seen = { attempts: 0, closed: 0 };
  return {
    seen,
    open: () =>
      openLateStateStore({
        async connect() {
          const result = results[Math.min(seen.attempts, results.length - 1)] as StateStore;
          seen.attempts += 1;
          if (result instanceof BanditError) throw result;
          return result;
        },
        clock: systemClock,
        logger: silentLogger,
      }),
  };
}

/** Just enough of a store for what is asked here. */
function store() {
  const listeners = new Set<(totals: ArmTotals) => void>();
  const seen = { closed: false };
  const state: Pick<StateStore, "ping" | "close" | "onTotalsChanged" | "outboxState"> = {
    ping: async () => undefined,
    outboxState: async () => ({ entries: 7, rows: 8, bytes: 9 }),
    async close() {
      seen.closed = true;
    },
    onTotalsChanged(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  return {
    seen,
    state: state as StateStore,
    announce(totals: ArmTotals) {
      for (const listener of listeners) listener(totals);
    },
  };
}

describe("a state store that may come late", () => {
  useFakeTimers();

  it("is the store when that is there at once", async () => {
    const { seen, open } = connecting(store().state);
    const late = await open();
    expect((await late.outboxState()).entries).toBe(7);
    expect(late.problem).toBeUndefined();
    expect(seen.attempts).toBe(1);
  });

  it("refuses every call at once until it is there, then passes them on", async () => {
    const { open } = connecting(away, away, away, store().state);
    const late = await open();
    const refused = { code: "unavailable", reason: "STATE_UNAVAILABLE" };
    await expect(late.ping()).rejects.toMatchObject(refused);
    await expect(late.readOutbox({ rowsMax: 1 })).rejects.toMatchObject(refused);
    await expect(late.listTotals()[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused);
    expect(() => late.repair).toThrow("cannot be reached");
    expect(late.problem?.error).toBe(away);
    await vi.advanceTimersByTimeAsync(25 + 50 + 100);
    await late.ping();
    expect(late.problem).toBeUndefined();
  });

  it("waits for a store that is full as for one that is away", async () => {
    const { seen, open } = connecting(full, away, full, store().state);
    const late = await open();
    expect(late.problem?.error).toBe(full);
    await expect(late.ping()).rejects.toMatchObject({ code: "unavailable" });
    await vi.advanceTimersByTimeAsync(25 + 50 + 100);
    await late.ping();
    expect(seen.attempts).toBe(4);
  });

  it("tells changes to listeners from before it was there, and not to those that have stopped", async () => {
    const there = store();
    const late = await connecting(away, there.state).open();
    const told: string[] = [];
    late.onTotalsChanged(() => told.push("first"));
    late.onTotalsChanged(() => told.push("stopped before"))();
    const stop = late.onTotalsChanged(() => told.push("stopped after"));
    await vi.advanceTimersByTimeAsync(25);
    stop();
    late.onTotalsChanged(() => told.push("second"));
    there.announce({} as ArmTotals);
    expect(told).toEqual(["first", "second"]);
  });

  it("ends the start when the store is there and cannot be used; later it goes on trying", async () => {
    await expect(connecting(tooOld).open()).rejects.toBe(tooOld);
    const { seen, open } = connecting(away, tooOld, store().state);
    const late = await open();
    await vi.advanceTimersByTimeAsync(25);
    expect(seen.attempts).toBe(2);
    expect(late.problem?.error).toBe(tooOld);
    await vi.advanceTimersByTimeAsync(50);
    await late.ping();
  });

  it("is looked for less and less often, at last once a second", async () => {
    const { seen, open } = connecting(away);
    const late = await open();
    await vi.advanceTimersByTimeAsync(25 + 50 + 100 + 200 + 400 + 800);
    expect(seen.attempts).toBe(7);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(seen.attempts).toBe(17);
    await late.close();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(seen.attempts).toBe(17);
  });

  it("closes a store that comes after its own end", async () => {
    const there = store();
    const coming = Promise.withResolvers<StateStore>();
    let attempts = 0;
    const late = await openLateStateStore({
      async connect() {
        attempts += 1;
        if (attempts === 1) throw away;
        return coming.promise;
      },
      clock: systemClock,
      logger: silentLogger,
    });
    await vi.advanceTimersByTimeAsync(25);
    await late.close();
    coming.resolve(there.state);
    await vi.advanceTimersByTimeAsync(0);
    expect(there.seen.closed).toBe(true);
    await expect(late.ping()).rejects.toMatchObject({ code: "unavailable" });
  });
});
