import { describe, expect, it, vi } from "vitest";
import { DeadlineTimers } from "../../../../src/concurrency/deadline-timers.ts";
import { BanditError } from "../../../../src/domain/errors.ts";
import type { CounterName, GaugeName, Telemetry } from "../../../../src/ports/telemetry.ts";
import { StateBreaker } from "../../../../src/service/state/state-breaker.ts";
import { useFakeTimers } from "../../../support/fake-timers.ts";
import { silentLogger, silentTelemetry } from "../../../support/state-samples.ts";

const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
const never = (): Promise<never> => new Promise(() => undefined);
const unavailable = (): Promise<never> =>
  Promise.reject(new BanditError("unavailable", "down", { reason: "STATE_UNAVAILABLE" }));

/** A guard over a store whose probes are answered as the test says, at a time the test moves. */
function openGuard(timeoutMs?: number) {
  const probes: number[] = [];
  const counts = new Map<CounterName, number>();
  const gauges = new Map<GaugeName, number>();
  const telemetry: Telemetry = {
    ...silentTelemetry,
    count: (name) => void counts.set(name, (counts.get(name) ?? 0) + 1),
    gauge: (name, value) => void gauges.set(name, value),
  };
  const store = { answer: never as () => Promise<void> };
  const log = vi.fn();
  const guard = new StateBreaker({
    state: {
      ping: () => {
        probes.push(performance.now());
        return store.answer();
      },
    },
    timers: new DeadlineTimers(clock),
    clock,
    telemetry,
    logger: { ...silentLogger, error: log, info: log },
    timeoutMs,
  });
  return { guard, store, probes, log, counts, gauges };
}

/** What became of a call so far. */
function watch(call: Promise<unknown>): { outcome: string } {
  const watched = { outcome: "waits" };
  call.then(
    () => {
      watched.outcome = "answered";
    },
    (error: BanditError) => {
      watched.outcome = error.reason;
    },
  );
  return watched;
}

useFakeTimers();

describe("the guard of the state store", () => {
  it("lets calls through, and passes on what they give and fail with", async () => {
    const { guard } = openGuard(500);
    expect(await guard.call(async () => 7)).toBe(7);
    const full = new BanditError("resource_exhausted", "full", { reason: "STATE_FULL" });
    await expect(guard.call(() => Promise.reject(full))).rejects.toBe(full);
    expect(guard.available).toBe(true);
  });

  it("takes a store that is full as one that answers, and one that is busy as one that does not", async () => {
    const { guard, store } = openGuard(500);
    const answers = (reason: string) => () =>
      Promise.reject(new BanditError("resource_exhausted", "full", { reason }));
    await guard.call(unavailable).catch(() => undefined);
    store.answer = answers("STATE_QUEUE_FULL");
    await vi.advanceTimersByTimeAsync(1000);
    expect(guard.available).toBe(false);
    store.answer = answers("STATE_FULL");
    await vi.advanceTimersByTimeAsync(200);
    expect(guard.available).toBe(true);
  });

  it("waits for its time-out once; then calls fail without being made, until a probe is answered", async () => {
    const { guard, store, counts, gauges, log } = openGuard(500);
    const first = watch(guard.call(never));
    await vi.advanceTimersByTimeAsync(499);
    expect(first.outcome).toBe("waits");
    await vi.advanceTimersByTimeAsync(2);
    expect(first.outcome).toBe("STATE_TIMEOUT");
    const start = vi.fn(never);
    await expect(guard.call(start)).rejects.toMatchObject({ reason: "STATE_UNAVAILABLE" });
    expect(start).not.toHaveBeenCalled();
    expect(gauges.get("bandit_state_available")).toBe(0);
    const recovered = vi.fn();
    guard.onRecovered(recovered);
    await vi.advanceTimersByTimeAsync(2000);
    expect(guard.available).toBe(false);
    store.answer = async () => undefined;
    await vi.advanceTimersByTimeAsync(400);
    expect(guard.available).toBe(true);
    expect(recovered).toHaveBeenCalledTimes(1);
    expect(await guard.call(async () => 1)).toBe(1);
    expect(counts.get("bandit_state_outages_total")).toBe(1);
    expect(gauges.get("bandit_state_available")).toBe(1);
    expect(log).toHaveBeenCalledTimes(2);
  });

  it("opens at once when the store says that it cannot be reached", async () => {
    const { guard } = openGuard(500);
    await expect(guard.call(unavailable)).rejects.toMatchObject({ code: "unavailable" });
    expect(guard.available).toBe(false);
  });

  it("does not take a caller's short deadline for an outage, but does not let it hide one either", async () => {
    const { guard } = openGuard(500);
    let answer: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const hurried = watch(guard.call(() => slow, performance.now() + 20));
    await vi.advanceTimersByTimeAsync(25);
    expect(hurried.outcome).toBe("DEADLINE_EXCEEDED");
    answer();
    await vi.advanceTimersByTimeAsync(600);
    expect(guard.available).toBe(true);
    const unanswered = watch(guard.call(never, performance.now() + 20));
    await vi.advanceTimersByTimeAsync(25);
    expect(unanswered.outcome).toBe("DEADLINE_EXCEEDED");
    expect(guard.available).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(guard.available).toBe(false);
  });

  it("learns nothing from the failure of a call that began before the store was back", async () => {
    const { guard, store } = openGuard(500);
    let fail: (error: unknown) => void = () => undefined;
    const old = watch(guard.call(() => new Promise((_, reject) => (fail = reject))));
    const older = watch(guard.call(never));
    await guard.call(unavailable).catch(() => undefined);
    store.answer = async () => undefined;
    await vi.advanceTimersByTimeAsync(200);
    expect(guard.available).toBe(true);
    fail(new BanditError("unavailable", "cut off", { reason: "STATE_UNAVAILABLE" }));
    await vi.advanceTimersByTimeAsync(400);
    expect([old.outcome, older.outcome]).toEqual(["STATE_UNAVAILABLE", "STATE_TIMEOUT"]);
    expect(guard.available).toBe(true);
  });

  it("begins nothing when no time is left", async () => {
    const { guard } = openGuard(500);
    const start = vi.fn(never);
    const late = guard.call(start, performance.now());
    await expect(late).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    expect(start).not.toHaveBeenCalled();
  });

  it("probes one at a time, and a store that keeps failing more and more rarely", async () => {
    const { guard, store, probes } = openGuard(500);
    await guard.call(unavailable).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(3500);
    // 100 ms of rest, and up to 250 ms for the answer that does not come.
    expect(probes.length).toBe(10);
    store.answer = async () => undefined;
    const outages: number[] = [];
    for (let relapse = 0; relapse < 9; relapse += 1) {
      while (!guard.available) await vi.advanceTimersByTimeAsync(50);
      await guard.call(unavailable).catch(() => undefined);
      const beganMs = performance.now();
      while (!guard.available) await vi.advanceTimersByTimeAsync(10);
      outages.push(performance.now() - beganMs);
    }
    expect(outages[0]).toBeLessThan(250);
    expect(outages.at(-1)).toBeGreaterThanOrEqual(5000);
    await vi.advanceTimersByTimeAsync(10_000);
    await guard.call(unavailable).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(110);
    expect(guard.available).toBe(true);
  });

  it("never takes an embedded store to be down, but keeps to callers' deadlines", async () => {
    const { guard } = openGuard();
    await guard.call(unavailable).catch(() => undefined);
    expect(guard.available).toBe(true);
    const patient = watch(guard.call(never));
    const hurried = watch(guard.call(never, performance.now() + 50));
    await vi.advanceTimersByTimeAsync(600_000);
    expect([patient.outcome, hurried.outcome]).toEqual(["waits", "DEADLINE_EXCEEDED"]);
  });

  it("is silent after it was stopped", async () => {
    const { guard, probes } = openGuard(500);
    await guard.call(unavailable).catch(() => undefined);
    guard.stop();
    await vi.advanceTimersByTimeAsync(5000);
    expect(probes).toEqual([]);
  });
});
