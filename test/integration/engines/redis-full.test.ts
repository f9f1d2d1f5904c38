import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EventPathSite } from "../../support/event-path-site.ts";
import { around } from "../../support/faulty.ts";

let site: EventPathSite;
afterEach(async () => {
  await site.remove();
});

const refused = { code: "resource_exhausted", reason: "STATE_FULL" };
/** Stored while the event log is away. */
const decisions = 1_000;

describe.each([
  ["one server", {}],
  ["a cluster", { cluster: true }],
])("%s without any memory left", (_name, redisOptions) => {
  beforeEach(async () => {
    site = await EventPathSite.open("redis", redisOptions);
    site.nextTest();
  });

  test.each([
    ["before the first batch was made", false],
    ["while a batch was under way", true],
  ])(
    "it came to that %s: the outbox is drained all the same, and processes start meanwhile",
    async (_when, isUnderWay) => {
      site.fault = "before";
      const { promise: drained, resolve: drain } = Promise.withResolvers<void>();
      if (isUnderWay) drain();
      const path = await site.openPath({
        bytesMax: 2 ** 30,
        wrapState: (state) =>
          around(state, async (call, method) => {
            if (method === "readOutbox") await drained;
            return call();
          }),
      });
      await site.record(path.state, decisions);
      if (isUnderWay) await vi.waitFor(() => expect(path.drain.isInTrouble).toBe(true));
      // Far below what is there, so that it is not enough to remove it.
      await site.limitMemory(2 ** 20);
      await expect(site.record(path.state, 1)).rejects.toMatchObject(refused);
      // A process that comes, and goes.
      const beside = await site.openState("beside");
      expect((await beside.outboxState()).rows).toBe(decisions);
      await beside.close();
      drain();
      site.fault = "none";
      await vi.waitFor(
        async () =>
          expect(await path.state.outboxState()).toEqual({ entries: 0, rows: 0, bytes: 0 }),
        { timeout: 60_000, interval: 50 },
      );
      await expect(site.record(path.state, 1)).rejects.toMatchObject(refused);
      await site.limitMemory(0);
      await site.record(path.state, 1);
      await path.drain.flush();
      expect(await site.stored()).toEqual({ rows: decisions + 1, distinct: decisions + 1 });
    },
    120_000,
  );
});
