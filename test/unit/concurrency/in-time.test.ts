import { describe, expect, it, vi } from "vitest";
import { answerByMs } from "../../../src/concurrency/deadline.ts";
import { DeadlineTimers } from "../../../src/concurrency/deadline-timers.ts";
import { beforeMoment, withTimeout } from "../../../src/concurrency/in-time.ts";
import { useFakeTimers } from "../../support/fake-timers.ts";

const never = new Promise<never>(() => undefined);
const late = () => "late" as const;
/** Work that ends after so long. */
const endsAfter = <Value>(ms: number, value: Value) =>
  new Promise<Value>((resolve) => {
    setTimeout(() => resolve(value), ms);
  });

useFakeTimers();

/** What a promise has become once the timers have gone on by so much. */
async function settled(promise: Promise<unknown>, afterMs: number): Promise<unknown> {
  let outcome: unknown = "waits";
  promise.then(
    (value) => {
      outcome = value;
    },
    (error: Error) => {
      outcome = error.message;
    },
  );
  await vi.advanceTimersByTimeAsync(afterMs);
  return outcome;
}

describe("work with a time-out", () => {
  it("is the work when that is first, and what comes in its place when the time is over", async () => {
    expect(await settled(withTimeout(endsAfter(10, "done"), 20, late), 12)).toBe("done");
    expect(await settled(withTimeout(never, 20, late), 18)).toBe("waits");
    expect(await settled(withTimeout(never, 20, late), 22)).toBe("late");
    const refused = withTimeout(never, 20, () => {
      throw new Error("refused");
    });
    expect(await settled(refused, 22)).toBe("refused");
    const failed = withTimeout(Promise.reject(new Error("failed")), 20, late);
    expect(await settled(failed, 0)).toBe("failed");
  });

  it("is waited for without end, and for longer than a timer of Node's can count", async () => {
    expect(await settled(withTimeout(never, Number.POSITIVE_INFINITY, late), 1_000)).toBe("waits");
    const monthMs = 30 * 24 * 3_600_000;
    expect(await settled(withTimeout(never, monthMs, late), 60_000)).toBe("waits");
  });

  it("leaves no timer behind", async () => {
    await settled(withTimeout(endsAfter(1, "done"), 60_000, late), 2);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("work before a moment", () => {
  it("of a caller who waits for a month is waited for", async () => {
    const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
    const timers = new DeadlineTimers(clock);
    const deadlineMs = Date.now() + 30 * 24 * 3_600_000;
    const atMs = answerByMs({ deadlineMs }, { clock, reserveMs: 5 });
    expect(await settled(beforeMoment(never, { timers, atMs, what: "it" }), 3_600_000)).toBe(
      "waits",
    );
  });

  it("is not cut off because the wall clock was set forward meanwhile", async () => {
    let aheadMs = 0;
    const clock = { nowMs: () => Date.now() + aheadMs, monotonicMs: () => performance.now() };
    const timers = new DeadlineTimers(clock);
    const atMs = answerByMs({ deadlineMs: Date.now() + 100 }, { clock, reserveMs: 5 });
    const work = beforeMoment(never, { timers, atMs, what: "it" });
    aheadMs = 3_600_000;
    expect(await settled(work, 90)).toBe("waits");
    expect(await settled(work, 20)).toBe("it did not finish in time");
  });
});
