import { describe, expect, it, vi } from "vitest";
import { engineRetryMs } from "../../../src/app/engine-retry.ts";
import { KeepTrying } from "../../../src/concurrency/keep-trying.ts";
import { useFakeTimers } from "../../support/fake-timers.ts";
import { silentLogger, systemClock } from "../../support/state-samples.ts";

const away = new Error("away");

/** Work that fails until it is allowed to succeed. */
function trying() {
  const seen = { attempts: 0, atMs: [] as number[], succeeds: false };
  const keepTrying = new KeepTrying({
    what: "a test",
    async work() {
      seen.attempts += 1;
      seen.atMs.push(Date.now());
      if (!seen.succeeds) throw new Error(`attempt ${seen.attempts}`);
    },
    pauseMs: engineRetryMs,
    clock: systemClock,
    logger: silentLogger,
  });
  return { seen, keepTrying };
}

describe("work that waits for an engine", () => {
  useFakeTimers({ now: 1_000_000 });

  it("is no problem when it was never started", () => {
    expect(trying().keepTrying.problem).toBeUndefined();
  });

  it("is tried until it succeeds once, and never again", async () => {
    const { seen, keepTrying } = trying();
    keepTrying.start(away);
    expect(keepTrying.problem).toEqual({ sinceMs: 1_000_000, error: away });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(keepTrying.problem).toMatchObject({
      sinceMs: 1_000_000,
      error: { message: `attempt ${seen.attempts}` },
    });
    seen.succeeds = true;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(keepTrying.problem).toBeUndefined();
    const { attempts } = seen;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen.attempts).toBe(attempts);
  });

  it("comes more and more rarely, at last every 2.5 to 5 s, and not at the same moments in every process", async () => {
    const gaps: number[] = [];
    for (let process = 0; process < 20; process += 1) {
      const { seen, keepTrying } = trying();
      keepTrying.start(away);
      const startedMs = Date.now();
      await vi.advanceTimersByTimeAsync(60_000);
      keepTrying.stop();
      const [first = 0, ...others] = seen.atMs;
      expect(first - startedMs).toBeGreaterThanOrEqual(50);
      expect(first - startedMs).toBeLessThanOrEqual(100);
      const late = [first, ...others].filter((atMs) => atMs - startedMs > 15_000);
      gaps.push(...late.slice(1).map((atMs, index) => atMs - (late[index] as number)));
    }
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2_500);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5_000);
    expect(new Set(gaps).size).toBeGreaterThan(20);
  });

  it("is not tried any more once it is stopped", async () => {
    const { seen, keepTrying } = trying();
    keepTrying.start(away);
    keepTrying.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen.attempts).toBe(0);
  });
});
