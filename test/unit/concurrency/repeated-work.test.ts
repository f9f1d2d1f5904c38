import { describe, expect, it, vi } from "vitest";
import { backOff, RepeatedWork } from "../../../src/concurrency/repeated-work.ts";
import { useFakeTimers } from "../../support/fake-timers.ts";

/** Rounds that take 10 ms and fail for as long as they are told to. */
function repeating(pauseMs: number | ((failures: number) => number)) {
  const seen = {
    begunMs: [] as number[],
    fails: false,
    failed: [] as number[],
    retryInMs: [] as number[],
  };
  const startedMs = performance.now();
  const work = new RepeatedWork({
    pauseMs,
    async work() {
      seen.begunMs.push(performance.now() - startedMs);
      await new Promise((resolve) => setTimeout(resolve, 10));
      if (seen.fails) throw new Error("as told");
    },
    onFailure(_, { failures, retryInMs }) {
      seen.failed.push(failures);
      seen.retryInMs.push(retryInMs);
    },
  });
  return { seen, work };
}

useFakeTimers();

describe("repeated work", () => {
  it("rests for the pause between two rounds, and ends when it is stopped", async () => {
    const { seen, work } = repeating(100);
    work.start();
    await vi.advanceTimersByTimeAsync(325);
    expect(seen.begunMs).toEqual([100, 210, 320]);
    let stopped = false;
    const stop = work.stop().then(() => {
      stopped = true;
    });
    await vi.advanceTimersByTimeAsync(1);
    expect(stopped).toBe(false);
    await vi.advanceTimersByTimeAsync(10);
    await stop;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen.begunMs.length).toBe(3);
  });

  it("comes sooner when it is asked to, and not later", async () => {
    const { seen, work } = repeating(100);
    work.start();
    work.start(5);
    work.start(50);
    await vi.advanceTimersByTimeAsync(7);
    work.start(0); // one is under way: its end decides
    await vi.advanceTimersByTimeAsync(100);
    expect(seen.begunMs).toEqual([5]);
    await vi.advanceTimersByTimeAsync(10);
    expect(seen.begunMs).toEqual([5, 115]);
  });

  it("rests for longer the more rounds fail, tells how long, and is as new after one that did not", async () => {
    const { seen, work } = repeating((failures) => 100 * 2 ** failures);
    seen.fails = true;
    work.start(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen.begunMs).toEqual([0, 210, 620]);
    expect(seen.failed).toEqual([1, 2, 3]);
    expect(seen.retryInMs).toEqual([200, 400, 800]);
    seen.fails = false;
    await vi.advanceTimersByTimeAsync(550);
    expect(seen.begunMs.slice(3)).toEqual([1_430, 1_540]);
  });

  it("waits to be started again after an infinite pause", async () => {
    const { seen, work } = repeating(Number.POSITIVE_INFINITY);
    work.start();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(seen.begunMs).toEqual([]);
    work.start(0);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(seen.begunMs.length).toBe(1);
    work.startAfter(new Error("told from outside"));
    expect(seen.failed).toEqual([1]);
  });
});

describe("a back-off", () => {
  it("doubles from its least to its longest", () => {
    const pauseMs = backOff({ minMs: 25, maxMs: 1_000 });
    expect([1, 2, 3, 6, 7, 1_000].map(pauseMs)).toEqual([25, 50, 100, 800, 1_000, 1_000]);
  });

  it("is less by up to a half by chance", () => {
    const pauses = [0, 128, 255].map((byte) =>
      backOff({ minMs: 1_000, maxMs: 1_000, entropy: { fill: (bytes) => void bytes.fill(byte) } })(
        1,
      ),
    );
    expect(pauses).toEqual([1_000, 750, 502]);
  });
});
