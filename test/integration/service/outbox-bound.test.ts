import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { DiskQueue } from "../../../src/ports/disk-queue.ts";
import { banditErrorOf } from "../../support/bandit-error-of.ts";
import {
  EventPathSite,
  type LogFault,
  type OpenedPath,
  type StateEngine,
} from "../../support/event-path-site.ts";
import { faultyStateStore } from "../../support/faulty.ts";
import { sumOfMetric } from "../../support/metrics-page.ts";
import { until as untilWithin } from "../../support/until.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const bytesMax = 2 ** 18;
const mebibyte = 2 ** 20;

/** Where events may be spilled: disk for many times the bound of the outbox. */
const onDisk = { bytesMax, spillBytesMax: 16 * mebibyte };
const spilling = { ...onDisk, whenFull: "spill" } as const;

const until = (what: string, isSo: () => boolean | Promise<boolean>) =>
  untilWithin(what, 30_000, isSo);

async function metric(path: OpenedPath, name: string, label?: string): Promise<number> {
  return sumOfMetric((await path.telemetry.page()).body, name, label) ?? Number.NaN;
}
const lagOf = (path: OpenedPath) => metric(path, "bandit_event_lag_seconds");

const refusal = (path: OpenedPath) =>
  banditErrorOf(() => path.outbox.requireRoomForReport("outcome"));

describe.each<StateEngine>(["sqlite", "redis"])("the outbox on %s", (engine) => {
  let site: EventPathSite;
  beforeAll(async () => {
    site = await EventPathSite.open(engine);
  });
  afterAll(() => site.remove());
  beforeEach(() => site.nextTest());
  afterEach(() => site.closePath());

  const expectOnceEach = async (recorded: number) =>
    expect(await site.stored()).toEqual({ rows: recorded, distinct: recorded });

  /** As callers would: asks for room, records, and gives way a little when it becomes narrow. */
  async function recordAtAPace(path: OpenedPath, count: number): Promise<void> {
    for (let recorded = 0; recorded < count; recorded += 20) {
      expect(refusal(path)).toBeUndefined();
      await site.record(path.state, 20);
      await path.outbox.look();
      await until("room is made", () => path.outbox.state.bytes < 0.9 * bytesMax);
    }
  }

  /** Until the outbox is nearly full the log is not in trouble for long enough. */
  async function untilInTrouble(path: OpenedPath): Promise<void> {
    await site.record(path.state, 1);
    await until("the log is in trouble", () => path.drain.isInTrouble);
  }

  test("at its bound reports are refused with a time to come again, decisions only a quarter above it, and nothing is lost", async () => {
    const path = await site.openPath({ bytesMax });
    site.fault = "before";
    let recorded = 0;
    const recordMore = async () => {
      await site.record(path.state, 20);
      recorded += 20;
      await path.outbox.look();
    };
    while (refusal(path) === undefined) await recordMore();
    expect(path.outbox.state.bytes).toBeGreaterThanOrEqual(bytesMax);
    expect(path.outbox.state.bytes).toBeLessThan(1.2 * bytesMax);
    expect(refusal(path)).toMatchObject({
      code: "resource_exhausted",
      reason: "OUTBOX_FULL",
      retryAfterMs: expect.any(Number),
      retryable: true,
    });
    while (path.outbox.noRoomForDecision() === undefined) await recordMore();
    expect(path.outbox.state.bytes).toBeGreaterThanOrEqual(1.25 * bytesMax);
    expect(path.outbox.noRoomForDecision()?.reason).toBe("OUTBOX_FULL");
    await until("the metrics tell", async () => {
      const rows = await metric(path, "bandit_outbox_rows");
      return rows === recorded && (await lagOf(path)) > 1;
    });
    expect(await metric(path, "bandit_outbox_bytes")).toBe(path.outbox.state.bytes);
    const full = 'kind="outcome",reason="OUTBOX_FULL"';
    expect(await metric(path, "bandit_reports_refused_total", full)).toBe(2);

    site.fault = "none";
    await until("there is room", () => refusal(path) === undefined);
    await path.drain.flush();
    await expectOnceEach(recorded);
    await until("nothing waits", async () => {
      return (await lagOf(path)) === 0 && (await metric(path, "bandit_outbox_entries")) === 0;
    });
  });

  test("the lag grows while the log is down, though nothing can be looked at", async () => {
    let down = false;
    const path = await site.openPath({
      bytesMax,
      wrapState: (state) =>
        faultyStateStore(state, (method) =>
          method === "outboxState" && down ? { kind: "refused" } : undefined,
        ),
    });
    site.fault = "before";
    await site.record(path.state, 1);
    await path.outbox.look();
    down = true;
    await until("there is a lag", async () => (await lagOf(path)) > 0);
    const before = await lagOf(path);
    await until("it grows", async () => (await lagOf(path)) > before + 0.3);
  });

  test.each<LogFault>(["before", "after", "hang"])(
    "spills four times its bound while inserts fail (%s): no report is refused, every row is in once afterwards",
    async (fault) => {
      const path = await site.openPath(spilling);
      site.fault = fault;
      await untilInTrouble(path);
      const count = 4 * Math.floor(bytesMax / 700);
      await recordAtAPace(path, count);
      expect(path.spill?.size.bytes).toBeGreaterThan(2 * bytesMax);
      await until("the metric tells", async () => (await metric(path, "bandit_spill_bytes")) > 0);
      const decisions = 'stream="decisions"';
      expect(await metric(path, "bandit_events_spilled_total", decisions)).toBeGreaterThan(0);
      site.fault = "none";
      await path.drain.flush();
      await expectOnceEach(Math.ceil(count / 20) * 20 + 1);
      expect(path.spill?.size.records).toBe(0);
      await until("no lag is left", async () => (await lagOf(path)) === 0);
    },
  );

  test("a batch that is on disk and in the outbox, because the process ended in between, is in once", async () => {
    const path = await site.openPath({
      ...spilling,
      // The process ends before a confirmation reaches the store.
      wrapState: (state) =>
        faultyStateStore(state, (method) =>
          method === "confirmOutbox" ? { kind: "refused" } : undefined,
        ),
    });
    site.fault = "after";
    await untilInTrouble(path);
    await site.record(path.state, 360);
    await until("something is spilled", () => (path.spill?.size.records ?? 0) > 0);
    expect((await path.state.outboxState()).rows).toBe(361);
    await path.close();
    site.fault = "none";
    const next = await site.openPath(onDisk);
    expect(next.spill?.size.records).toBeGreaterThan(0);
    await next.drain.flush();
    await expectOnceEach(361);
  });

  test("spilled events on disk are written although the setting is refuse now", async () => {
    const path = await site.openPath(spilling);
    site.fault = "before";
    await untilInTrouble(path);
    await recordAtAPace(path, 700);
    await path.close();
    const next = await site.openPath({ ...onDisk, whenFull: "refuse" });
    expect(next.spill?.size.bytes).toBeGreaterThan(0);
    await until("the lag is known", async () => (await lagOf(next)) > 0);
    site.fault = "none";
    await next.drain.flush();
    await expectOnceEach(701);
  });

  test("a record on disk that cannot be read stays there for all to see, and holds nothing else up", async () => {
    let path = await site.openPath(spilling);
    const broken = [
      { key: "first", text: "no first line" },
      { key: "second", text: '{"stream":"of another kind","token":"second"}\nrow' },
    ];
    for (const record of broken) await path.spill?.append([record]);
    site.fault = "before";
    await site.record(path.state, 500);
    await vi.waitFor(() => expect(path.spill?.size.records).toBeGreaterThan(broken.length));
    await path.spill?.append([{ key: "last", text: "" }]);
    site.fault = "none";
    const drained = async () => {
      await vi.waitFor(() => expect(path.spill?.size.records).toBe(3), { timeout: 20_000 });
      await path.drain.flush();
    };
    await drained();
    await expectOnceEach(500);
    await path.close();
    path = await site.openPath(spilling);
    await site.record(path.state, 1);
    await drained();
    await expectOnceEach(501);
    await path.outbox.look();
    expect(await metric(path, "bandit_spill_bytes")).toBe(path.spill?.size.bytes);
    expect(path.spill?.size.bytes).toBeGreaterThan(0);
    await path.spill?.remove((path.spill?.read({ bytesMax: 1_000 }) ?? []).map(({ id }) => id));
  });

  test("when the disk's bound is reached too, reports are refused as with a full outbox, and nothing is lost", async () => {
    const path = await site.openPath({ bytesMax, whenFull: "spill", spillBytesMax: 2 * bytesMax });
    site.fault = "before";
    let recorded = 0;
    await until("the disk is found full", async () => {
      const refused = refusal(path);
      if (refused?.reason === "SPILL_FULL") return true;
      if (refused !== undefined) return false;
      await site.record(path.state, 20);
      recorded += 20;
      await path.outbox.look();
      return false;
    });
    expect(refusal(path)).toMatchObject({ code: "resource_exhausted", retryable: true });
    expect(path.spill?.size.bytes).toBeLessThanOrEqual(2 * bytesMax);
    site.fault = "none";
    await until("there is room", () => refusal(path) === undefined);
    await path.drain.flush();
    await expectOnceEach(recorded);
  });

  test("a disk that gave its records tokens of its own would be found out", async () => {
    const path = await site.openPath({
      ...spilling,
      wrapSpill: (spill): DiskQueue =>
        new Proxy(spill, {
          get: (target, name) => {
            if (name === "size") return target.size;
            if (name !== "read") return Reflect.get(target, name).bind(target);
            return (options: Parameters<DiskQueue["read"]>[0]) =>
              target.read(options).map((record) => {
                return { ...record, text: record.text.replace(record.key, `spilled-${record.id}`) };
              });
          },
        }),
    });
    site.fault = "after";
    await untilInTrouble(path);
    await recordAtAPace(path, 700);
    site.fault = "none";
    await path.drain.flush();
    const { rows, distinct } = await site.stored();
    expect(distinct).toBe(701);
    expect(rows).toBeGreaterThan(701);
  });
});
