import { afterEach, describe, expect, test, vi } from "vitest";
import type { StateStore } from "../../src/ports/state-store.ts";
import { EventPathSite } from "../support/event-path-site.ts";

let site: EventPathSite | undefined;
afterEach(async () => {
  await site?.remove();
  site = undefined;
});

/** Stores decisions until the store has no room. @returns how many it has acknowledged */
async function recordUntilFull(path: EventPathSite, state: StateStore): Promise<number> {
  for (let acknowledged = 0; ; ) {
    const results = await Promise.allSettled(
      Array.from({ length: 200 }, () => path.record(state, 1)),
    );
    const refusals = results.filter((result) => result.status === "rejected");
    acknowledged += results.length - refusals.length;
    for (const { reason } of refusals) {
      expect(reason).toMatchObject({ code: "resource_exhausted", reason: "STATE_FULL" });
    }
    if (refusals.length > 0) return acknowledged;
  }
}

/** Nothing is read from its outbox before the given moment. */
function drainedAfter(state: StateStore, moment: Promise<void>): StateStore {
  return new Proxy(state, {
    get(target, name) {
      if (name === "readOutbox") {
        return async (options: { rowsMax: number }) => {
          await moment;
          return target.readOutbox(options);
        };
      }
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

describe.each([
  ["one server", { extraArgs: ["--maxmemory", "16mb"] }],
  ["a cluster", { cluster: true, extraArgs: ["--maxmemory", "12mb"] }],
])("%s without any memory left", (_, redisOptions) => {
  test.each([
    ["before the first batch was made", false],
    ["while a batch was under way", true],
  ])(
    "the event log came to be away %s: when it is back everything goes there, and processes start meanwhile",
    async (_when, isUnderWay) => {
      site = await EventPathSite.open("redis", redisOptions);
      site.nextTest();
      site.fault = "before";
      const { promise: drained, resolve: drain } = Promise.withResolvers<void>();
      if (isUnderWay) drain();
      const path = await site.openPath({
        bytesMax: 2 ** 30,
        wrapState: (state) => drainedAfter(state, drained),
      });
      const acknowledged = await recordUntilFull(site, path.state);
      expect(acknowledged).toBeGreaterThan(1_000);
      // A later process, and one that stops.
      const beside = await site.openState("beside");
      expect((await beside.outboxState()).rows).toBe(acknowledged);
      await beside.close();
      drain();
      site.fault = "none";
      await vi.waitFor(
        async () =>
          expect(await path.state.outboxState()).toEqual({ entries: 0, rows: 0, bytes: 0 }),
        { timeout: 60_000, interval: 50 },
      );
      expect(await site.stored()).toEqual({ rows: acknowledged, distinct: acknowledged });
      // There is room again.
      await site.record(path.state, 1);
    },
    120_000,
  );
});
