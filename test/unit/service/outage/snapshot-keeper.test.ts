import { describe, expect, it, vi } from "vitest";
import { SnapshotKeeper } from "../../../../src/service/outage/snapshot-keeper.ts";
import { useFakeTimers } from "../../../support/fake-timers.ts";
import { silentLogger } from "../../../support/state-samples.ts";

/** A keeper whose saves are counted, can fail and can take their time. */
function keeping(options: { savedVersion?: unknown } = {}) {
  const seen = { version: 1, saved: [] as number[], failing: false };
  const warn = vi.fn();
  const keeper = new SnapshotKeeper({
    what: "things",
    version: () => seen.version,
    async save() {
      if (seen.failing) throw new Error("the disk is full");
      seen.saved.push(seen.version);
    },
    savedVersion: undefined,
    intervalMs: 100,
    logger: { ...silentLogger, warn },
    ...options,
  });
  return { seen, keeper, warn };
}

describe("a kept snapshot", () => {
  useFakeTimers();

  it("is saved once for any number of changes, and not again while nothing changes", async () => {
    const { seen, keeper } = keeping();
    keeper.start();
    for (seen.version = 1; seen.version < 10; seen.version += 1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen.saved).toEqual([10]);
    seen.version = 11;
    await vi.advanceTimersByTimeAsync(100);
    expect(seen.saved).toEqual([10, 11]);
    await keeper.stop();
  });

  it("is not saved when it was saved before", async () => {
    const { seen, keeper } = keeping({ savedVersion: 1 });
    keeper.start();
    await vi.advanceTimersByTimeAsync(1_000);
    await keeper.stop();
    expect(seen.saved).toEqual([]);
  });

  it("is tried again after a failure, which is said once", async () => {
    const { seen, keeper, warn } = keeping();
    seen.failing = true;
    keeper.start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(warn).toHaveBeenCalledTimes(1);
    seen.failing = false;
    await vi.advanceTimersByTimeAsync(100);
    expect(seen.saved).toEqual([1]);
    await keeper.stop();
  });

  it("has the last change in it when it is stopped, and a failure then does not hold the stop", async () => {
    const { seen, keeper, warn } = keeping();
    keeper.start();
    await keeper.stop();
    expect(seen.saved).toEqual([1]);
    seen.version = 2;
    seen.failing = true;
    await keeper.stop();
    expect(warn).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen.saved).toEqual([1]);
  });
});
