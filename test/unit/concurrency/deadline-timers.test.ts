import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { DeadlineTimer, DeadlineTimers } from "../../../src/concurrency/deadline-timers.ts";
import { useFakeTimers } from "../../support/fake-timers.ts";
import { forAll } from "../../support/for-all.ts";

const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

useFakeTimers();

it("every one rings once, not before its moment and within 2 ms of it, unless it was cleared", async () => {
  const plan = fc.array(
    fc.record({ afterMs: fc.nat(300), clearedAfterMs: fc.option(fc.nat(300), { nil: undefined }) }),
    { maxLength: 40 },
  );
  await forAll([plan], async (items) => {
    const timers = new DeadlineTimers(clock);
    const startMs = performance.now();
    const rung = items.map(({ afterMs, clearedAfterMs }) => {
      const times: number[] = [];
      const timer = new DeadlineTimer(startMs + afterMs, () => {
        times.push(performance.now() - startMs);
      });
      timers.set(timer);
      if (clearedAfterMs !== undefined) setTimeout(() => timers.clear(timer), clearedAfterMs);
      return times;
    });
    await vi.advanceTimersByTimeAsync(310);
    for (const [index, { afterMs, clearedAfterMs }] of items.entries()) {
      const times = rung[index] as number[];
      if (clearedAfterMs !== undefined && clearedAfterMs < afterMs) {
        expect(times).toEqual([]);
      } else if (clearedAfterMs === undefined || clearedAfterMs > afterMs + 2) {
        expect(times.length).toBe(1);
        expect(times[0]).toBeGreaterThanOrEqual(afterMs);
        expect(times[0]).toBeLessThanOrEqual(afterMs + 2);
      }
    }
  });
});

it("one timer serves a thousand calls of the same length", async () => {
  const set = vi.spyOn(globalThis, "setTimeout");
  const timers = new DeadlineTimers(clock);
  for (let call = 0; call < 1000; call += 1) {
    const timer = new DeadlineTimer(performance.now() + 500, () => undefined);
    timers.set(timer);
    await vi.advanceTimersByTimeAsync(1);
    timers.clear(timer);
  }
  expect(set.mock.calls.length).toBeLessThanOrEqual(4);
});

it("a timer set by one that rings is kept", async () => {
  const timers = new DeadlineTimers(clock);
  let rang = 0;
  const again = new DeadlineTimer(performance.now() + 10, () => {
    rang += 1;
    again.atMs = performance.now() + 10;
    if (rang < 3) timers.set(again);
  });
  timers.set(again);
  await vi.advanceTimersByTimeAsync(100);
  expect(rang).toBe(3);
});

it("one that is cleared by another that rings at the same moment does not ring", async () => {
  const timers = new DeadlineTimers(clock);
  const rung: string[] = [];
  const pair: DeadlineTimer[] = ["a", "b"].map(
    (name, index) =>
      new DeadlineTimer(performance.now() + 10, () => {
        rung.push(name);
        timers.clear(pair[1 - index] as DeadlineTimer);
      }),
  );
  for (const timer of pair) timers.set(timer);
  await vi.advanceTimersByTimeAsync(50);
  expect(rung.length).toBe(1);
});
