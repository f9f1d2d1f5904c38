import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { zeroTotals } from "../../src/domain/contribution.ts";
import type { CodeType, VariantId } from "../../src/domain/ids.ts";
import type { RestoredLedger, StateOrigin } from "../../src/ports/state-repair.ts";
import type { ArmKey, ArmTotals, StateStore } from "../../src/ports/state-store.ts";
import { expectCounterexample, forAll } from "../support/for-all.ts";
import {
  book,
  coverage,
  decisionInput,
  newArm,
  newGenerationId,
  recordMany,
  sampleArm,
} from "../support/state-samples.ts";
import { historyArbitrary } from "./contribution-model.ts";
import {
  checkRebuild,
  type RebuildRules,
  unnoticedReport,
  wrongRebuilds,
} from "./rebuild-model.ts";
import {
  drain,
  listAll,
  type MakeStateStore,
  type StateStoreHarness,
  totalsOf,
  until,
} from "./state-store-harness.ts";

const runs = 80;
/** What the log has of a generation with one outcome of that value. */
function ledger(
  arm: ArmKey,
  generationId: RestoredLedger["generationId"],
  change: { value?: number; eventId?: string; occurredAtMs?: number; ttlSeconds?: number } = {},
): RestoredLedger {
  const { value = 0.75, eventId = "outcome-1", occurredAtMs = 1_700_000_000_000 } = change;
  return {
    agentType: arm.agentType,
    codeType: arm.codeType,
    generationId,
    eventIds: [eventId],
    entries: [{ component: "coverage", value, weight: 0.5, penalty: 0, occurredAtMs, eventId }],
    ttlSeconds: change.ttlSeconds ?? 86_400,
  };
}

/** The part of the suite that is about `ports/state-repair.ts`. */
export function describeRepair(makeStore: MakeStateStore): void {
  describe("repair", () => {
    let harness: StateStoreHarness;
    let store: StateStore;
    let openedAtMs: number;
    let firstOrigin: StateOrigin | undefined;
    beforeAll(async () => {
      harness = await makeStore();
      openedAtMs = Date.now();
      store = await harness.open();
      firstOrigin = await store.repair.findOrigin();
    });
    afterAll(() => harness.dispose());

    const replace = (arm: ArmKey, expectedVersion: number, weight: number, versionMin = 0) =>
      store.repair.replaceTotals({
        ...arm,
        totals: { ...zeroTotals, reward: weight / 3, weight, squares: 0.1, generations: 7 },
        expectedVersion,
        versionMin,
      });

    test("totals are replaced as long as they have the version they were read with, and learned on from there", async () => {
      const arm = newArm();
      expect(await replace(arm, 1, 10)).toBe(false);
      expect(await totalsOf(store, arm)).toBeUndefined();
      expect(await replace(arm, 0, 10)).toBe(true);
      expect(await replace(arm, 0, 20)).toBe(false);
      expect(await totalsOf(store, arm)).toMatchObject({ version: 1, totals: { weight: 10 } });
      await book(store, arm);
      expect(await replace(arm, 1, 30)).toBe(false);
      expect(await totalsOf(store, arm)).toMatchObject({
        version: 2,
        totals: { weight: 10.5, generations: 8 },
      });
      expect(await replace(arm, 2, 40, 1_800_000_000_000)).toBe(true);
      await book(store, arm);
      expect(await totalsOf(store, arm)).toMatchObject({
        version: 1_800_000_000_001,
        totals: { weight: 40.5, generations: 8 },
      });
    });

    test("of replacements at the same time one happens", async () => {
      const arm = newArm();
      const results = await Promise.all([1, 2, 3, 4].map((weight) => replace(arm, 0, weight)));
      expect(results.filter(Boolean)).toHaveLength(1);
    });

    test("replaced totals are announced, contexts and all, and read as they were given", async () => {
      const arm = newArm();
      const heard: ArmTotals[] = [];
      const stop = store.onTotalsChanged((totals) => {
        if (totals.codeType === arm.codeType) heard.push(totals);
      });
      const totals = {
        ...{ reward: -1 / 3, weight: 0.1, squares: 1e-300, generations: 2, position: 4 / 7 },
        context: { epoch: 1_700_000_000_000, products: [0.1, -0.2, 0.3], rewards: [1 / 7, 0] },
      };
      await store.repair.replaceTotals({ ...arm, totals, expectedVersion: 0, versionMin: 5 });
      await until("it is heard of", 2_000, () => heard.length > 0);
      stop();
      expect(heard[0]).toEqual({ ...arm, totals, version: 5 });
      expect(await store.repair.readTotals(arm)).toEqual([{ ...arm, totals, version: 5 }]);
      expect(await totalsOf(store, arm)).toEqual({ ...arm, totals, version: 5 });
    });

    test("totals are read of one code type, not of those whose names begin alike", async () => {
      const { codeType } = newArm();
      const codeTypes = ["", "x", "/x"].map((tail) => `${codeType}${tail}` as CodeType);
      for (const [index, one] of codeTypes.entries()) {
        for (const variant of ["a", "b"]) {
          const variantId = `evolution/${variant}@1` as VariantId;
          await replace({ ...sampleArm, codeType: one, variantId }, 0, index + 1);
        }
      }
      for (const [index, one] of codeTypes.entries()) {
        const read = await store.repair.readTotals({ ...sampleArm, codeType: one });
        expect(read.map(({ variantId }) => variantId).toSorted()).toEqual([
          "evolution/a@1",
          "evolution/b@1",
        ]);
        expect(read.map(({ totals }) => totals.weight)).toEqual([index + 1, index + 1]);
      }
      const none = { ...sampleArm, codeType: "nobody_has_it" as CodeType };
      expect(await store.repair.readTotals(none)).toEqual([]);
    });

    test("decisions are added where there is none, live as long as they were given, and are no events", async () => {
      await drain(store);
      const known = decisionInput();
      await store.recordDecision(known);
      await drain(store);
      const lost = Array.from({ length: 230 }, () => decisionInput());
      const context = { epoch: 1_700_000_000_000, values: [1, -0.5] };
      const placed = decisionInput();
      const restored = [
        ...lost,
        { ...known, record: { ...known.record, propensity: 0.9 } },
        { ...placed, record: { ...placed.record, forgettingPosition: 2.5, context } },
      ].map(({ record, ttlSeconds }) => ({ record, ttlSeconds }));
      expect(await store.repair.restoreDecisions(restored)).toBe(231);
      expect(await store.repair.restoreDecisions(restored)).toBe(0);
      expect(await store.findDecision(known.record.generationId)).toEqual(known.record);
      for (const { record } of [...lost.slice(0, 3), restored[231] as (typeof restored)[number]]) {
        expect(await store.findDecision(record.generationId)).toEqual(record);
      }
      expect(await drain(store)).toEqual([]);
    });

    test("a restored ledger knows its events again: duplicates are, newer values replace, totals stay", async () => {
      const arm = newArm();
      const generationId = newGenerationId();
      await replace(arm, 0, 10);
      await drain(store);
      expect(await store.repair.restoreLedgers([ledger(arm, generationId)])).toBe(1);
      expect(await store.repair.restoreLedgers([ledger(arm, generationId)])).toBe(0);
      expect(await totalsOf(store, arm)).toMatchObject({ version: 1, totals: { weight: 10 } });
      expect(await drain(store)).toEqual([]);
      const report = (eventId: string, value: number, occurredAtMs = 1_700_000_000_001) =>
        book(store, {
          ...arm,
          generationId,
          eventId,
          occurredAtMs,
          contributions: [coverage(value)],
        });
      expect(await report("outcome-1", 1)).toEqual({ status: "duplicate" });
      expect(await report("older", 1, 1_600_000_000_000)).toEqual({ status: "superseded" });
      expect(await report("newer", 0)).toEqual({ status: "replaced" });
      const { totals } = (await totalsOf(store, arm)) as ArmTotals;
      expect(totals).toMatchObject({ weight: 10, generations: 7 });
      expect(totals.reward).toBeCloseTo(10 / 3 - 0.375, 12);
    });

    test("a ledger that was there gets what it lacks and keeps what it has", async () => {
      const arm = newArm();
      const generationId = newGenerationId();
      await book(store, { ...arm, generationId, eventId: "mine", occurredAtMs: 5 });
      const before = await totalsOf(store, arm);
      const older = ledger(arm, generationId, { eventId: "older", occurredAtMs: 4, value: 0 });
      expect(await store.repair.restoreLedgers([older])).toBe(1);
      expect(await totalsOf(store, arm)).toEqual(before);
      const again = async (eventId: string) => book(store, { ...arm, generationId, eventId });
      expect(await again("mine")).toEqual({ status: "duplicate" });
      expect(await again("older")).toEqual({ status: "duplicate" });
      // An event without contributions is remembered too, and one of many of them.
      const none = { ...older, eventIds: ["logged only"], entries: [] };
      expect(await store.repair.restoreLedgers([none])).toBe(1);
      expect(await again("logged only")).toEqual({ status: "duplicate" });
    });

    test("of one event the log's values win over those it was booked with anew", async () => {
      const arm = newArm();
      const generationId = newGenerationId();
      await book(store, { ...arm, generationId, eventId: "e" });
      const logged = ledger(arm, generationId, { eventId: "e", value: 0.25, occurredAtMs: 7 });
      expect(await store.repair.restoreLedgers([logged])).toBe(1);
      expect(await store.repair.restoreLedgers([logged])).toBe(0);
      await book(store, {
        ...arm,
        generationId,
        eventId: "f",
        occurredAtMs: 8,
        contributions: [coverage(0.25)],
      });
      // From 0.25 to 0.25: nothing has changed.
      expect(await totalsOf(store, arm)).toMatchObject({ version: 1, totals: { reward: 0.375 } });
    });

    test("a restored ledger has the position of what was booked, or its own smaller one", async () => {
      const value = [coverage(0.75)];
      const weightAfter = async (booked: number, restored: RestoredLedger["eventIds"]) => {
        const arm = newArm();
        const generationId = newGenerationId();
        const bookAt = (forgettingPosition: number, eventId: string) =>
          book(store, { ...arm, generationId, eventId, forgettingPosition, contributions: value });
        await bookAt(booked, "mine");
        const logged = ledger(arm, generationId);
        const entries = logged.entries.map((entry) => ({ ...entry, eventId: "mine" }));
        const given = { ...logged, entries, eventIds: restored, position: 3 };
        expect(await store.repair.restoreLedgers([given])).toBe(1);
        expect(await store.repair.restoreLedgers([given])).toBe(0);
        const totals = { ...zeroTotals, weight: 8, generations: 3, position: 3 };
        await store.repair.replaceTotals({ ...arm, totals, expectedVersion: 1, versionMin: 0 });
        // Takes 0.5 out where the ledger has it, and puts it in at 1.
        await bookAt(1, "newer");
        return (await totalsOf(store, arm))?.totals.weight;
      };
      expect(await weightAfter(5, ["mine"])).toBe(8 - 0.5 + 0.125);
      expect(await weightAfter(2, ["mine"])).toBe(8 - 0.5 + 0.125);
      expect(await weightAfter(2, ["other"])).toBe(8 - 0.25 + 0.125);
      expect(await weightAfter(5, ["other"])).toBe(8 - 0.5 + 0.125);
    });

    test("a restored ledger lives as long as was asked, and not shorter than it would have", async () => {
      const arm = newArm();
      const [short, long] = [newGenerationId(), newGenerationId()];
      await book(store, { ...arm, generationId: long });
      await store.repair.restoreLedgers([
        ledger(arm, short, { ttlSeconds: 100 }),
        ledger(arm, long, { ttlSeconds: 100, eventId: "other" }),
      ]);
      await harness.age(200);
      const again = (generationId: RestoredLedger["generationId"]) =>
        book(store, { ...arm, generationId });
      expect(await again(short)).toEqual({ status: "applied" });
      expect(await again(long)).toEqual({ status: "duplicate" });
    });

    test("a rebuild beside any reports gives what the log gives, and goes on right from there", () =>
      forAll([historyArbitrary, scheduleArbitrary], { numRuns: runs }, (history, schedule) =>
        checkRebuild(store, history, schedule),
      ));

    test.each(Object.entries(wrongRebuilds))(
      "the comparison notices when %s",
      (_, wrong: Partial<RebuildRules>) =>
        expectCounterexample(
          [historyArbitrary, scheduleArbitrary],
          20 * runs,
          (history, schedule) => checkRebuild(store, history, schedule, wrong),
        ),
    );

    test("a report that changes nothing by itself is not lost beside an outcome that reaches the log late", async () => {
      const { history, schedule } = unnoticedReport;
      await checkRebuild(store, history, schedule);
      // Without beginning anew it would be.
      const wrong = checkRebuild(store, history, schedule, { beginsAnew: false });
      await expect(wrong).rejects.toThrow("reward 1 instead of 0.75");
    });

    test("a mark is passed when everything up to it is confirmed, whatever comes after it", async () => {
      await drain(store);
      expect(await store.repair.isOutboxPast(await store.repair.markOutbox())).toBe(true);
      await recordMany(store, 40);
      const mark = await store.repair.markOutbox();
      expect(await store.repair.isOutboxPast(mark)).toBe(false);
      await drain(store);
      await recordMany(store, 40);
      expect(await store.repair.isOutboxPast(mark)).toBe(true);
      expect(await store.repair.isOutboxPast(await store.repair.markOutbox())).toBe(false);
      await drain(store);
    });

    test("its origin says since when it was empty, and stays until it is restored", async () => {
      expect(firstOrigin).toMatchObject({ restored: false });
      expect(firstOrigin?.emptyAtMs).toBeGreaterThanOrEqual(openedAtMs);
      expect(firstOrigin?.emptyAtMs).toBeLessThanOrEqual(Date.now());
      expect(await store.repair.findOrigin()).toEqual(firstOrigin);
      await store.repair.markRestored();
      const restored = await store.repair.findOrigin();
      expect(restored).toMatchObject({ restored: true, emptyAtMs: 0 });
      expect(restored?.id).not.toBe(firstOrigin?.id);
      if (harness.shared) {
        expect(await (await harness.open()).repair.findOrigin()).toEqual(restored);
      }
      expect(await listAll(store)).not.toEqual([]);
    });

    // The last one: making another harness empties a server that both share.
    test("all who ask at once whose an empty state is are told the same", async () => {
      const other = await makeStore();
      try {
        const stores = [await other.open(), ...(other.shared ? [await other.open()] : [])];
        const asked = [...stores, ...stores].map((each) => each.repair.findOrigin());
        const later = await (stores[0] as StateStore).repair.findOrigin();
        for (const origin of await Promise.all(asked)) expect(origin).toEqual(later);
      } finally {
        await other.dispose();
      }
    });
  });
}

const scheduleArbitrary = fc.record({
  lost: fc.nat({ max: 14 }),
  again: fc.boolean(),
  orphans: fc.nat({ max: 3 }),
  between: fc.array(fc.nat({ max: 3 }), { minLength: 6, maxLength: 6 }),
});
