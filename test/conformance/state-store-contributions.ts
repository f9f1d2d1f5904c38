import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contextLengthMax, zeroTotals } from "../../src/domain/contribution.ts";
import type { CodeType, VariantId } from "../../src/domain/ids.ts";
import {
  type ArmKey,
  type ArmTotals,
  eventsPerGenerationMax,
  type StateStore,
} from "../../src/ports/state-store.ts";
import { expectCounterexample, forAll } from "../support/for-all.ts";
import {
  book,
  contributionInput,
  coverage,
  newArm,
  newGenerationId,
  sampleArm,
} from "../support/state-samples.ts";
import { checkHistory, historyArbitrary, wrongRules } from "./contribution-model.ts";
import {
  drain,
  listAll,
  type MakeStateStore,
  type StateStoreHarness,
  totalsOf,
  until,
} from "./state-store-harness.ts";

const historyRuns = 60;
export function describeContributions(makeStore: MakeStateStore): void {
  describe("contributions", () => {
    let harness: StateStoreHarness;
    let store: StateStore;
    beforeAll(async () => {
      harness = await makeStore();
      store = await harness.open();
    });
    afterAll(() => harness.dispose());

    test("any order, repetition and grouping of events gives the totals of a plain recomputation (I4)", () =>
      forAll([historyArbitrary], { numRuns: historyRuns }, (history) =>
        checkHistory(store, history),
      ));

    test.each(Object.entries(wrongRules))("the recomputation notices when %s", (_, wrong) =>
      expectCounterexample([historyArbitrary], 10 * historyRuns, (history) =>
        checkHistory(store, history, wrong),
      ),
    );

    test("a second value replaces the first and leaves one generation, bit for bit", async () => {
      const arm = newArm();
      const generationId = newGenerationId();
      const value = (v: number, at: number, eventId: string) =>
        book(store, {
          ...arm,
          generationId,
          eventId,
          occurredAtMs: at,
          contributions: [{ component: "quality", value: v, weight: 0.1, penalty: 0 }],
        });
      expect(await value(0.3, 10, "first")).toEqual({ status: "applied" });
      expect(await value(0.7, 20, "second")).toEqual({ status: "replaced" });
      expect(await value(0.9, 15, "between")).toEqual({ status: "superseded" });
      expect(await value(0.2, 30, "second")).toEqual({ status: "duplicate" });
      const stored = await totalsOf(store, arm);
      expect(stored?.totals.generations).toBe(1);
      expect(stored?.totals.weight).toBeCloseTo(0.1, 15);
      expect(stored?.totals.reward).toBeCloseTo(0.07, 15);
      expect(stored?.version).toBe(2);
    });

    test("doubles are stored exactly", async () => {
      for (const weight of [0.1, 1 / 3, 5e-324, 1 - 2 ** -53, 123_456.789e-10]) {
        const arm = newArm();
        await book(store, { ...arm, contributions: [coverage(1, weight)] });
        expect((await totalsOf(store, arm))?.totals).toEqual({
          ...zeroTotals,
          reward: weight,
          weight,
          squares: weight,
          generations: 1,
        });
      }
    });

    test("penalties lower the reward, never below zero, and alone make no generation", async () => {
      const arm = newArm();
      const generationId = newGenerationId();
      const penalty = { component: "cost", value: 0, weight: 0, penalty: 0.9 };
      await book(store, { ...arm, generationId, eventId: "generation", contributions: [penalty] });
      expect(await totalsOf(store, arm)).toBeUndefined();
      await book(store, { ...arm, generationId });
      expect((await totalsOf(store, arm))?.totals).toEqual({
        ...zeroTotals,
        weight: 0.5,
        generations: 1,
      });
    });

    test("the longest context is summed and told exactly, with the place in forgetting", async () => {
      const arm = newArm();
      const heard: ArmTotals[] = [];
      const stop = store.onTotalsChanged((totals) => {
        if (totals.codeType === arm.codeType) heard.push(totals);
      });
      const values = Array.from({ length: contextLengthMax }, (_, index) => (1 + index) / 3);
      const epoch = 1_700_000_000_123;
      await book(store, {
        ...arm,
        contributions: [{ component: "x", value: -7, weight: 1, penalty: 0 }],
        forgettingPosition: 1234.1,
        context: { epoch, values },
      });
      const stored = await totalsOf(store, arm);
      expect(stored?.totals).toEqual({
        reward: -7,
        weight: 1,
        squares: 49,
        generations: 1,
        position: 1234.1,
        context: {
          epoch,
          products: values.flatMap((x, row) => values.slice(row).map((y) => x * y)),
          rewards: values.map((x) => -7 * x),
        },
      });
      // A shared store tells twice: at once, and as a message.
      await until("the change is told", 2000, () => heard.length >= (store.shared ? 2 : 1));
      stop();
      for (const totals of heard) expect(totals).toEqual(stored);
    });

    test("what would spoil the totals of its arm is refused", async () => {
      const arm = newArm();
      const good = { component: "x", value: 1, weight: 1, penalty: 0 };
      const bad: Parameters<typeof contributionInput>[0][] = [
        ...[Number.NaN, Number.POSITIVE_INFINITY, -1e10].flatMap((number) => [
          { contributions: [{ ...good, value: number }] },
          { contributions: [{ ...good, weight: number }] },
          { contributions: [{ ...good, penalty: number }] },
          { forgettingPosition: number },
          { context: { epoch: 1, values: [1, number] } },
          { context: { epoch: number, values: [1] } },
        ]),
        { context: { epoch: 1, values: [] } },
        { context: { epoch: 1, values: Array<number>(contextLengthMax + 1).fill(1) } },
      ].map((change) => ({ ...arm, generationId: newGenerationId(), ...change }));
      for (const input of bad) {
        await expect(book(store, input)).rejects.toThrow(/invariant/);
      }
      expect(await totalsOf(store, arm)).toBeUndefined();
    });

    test("an event without contributions is stored once and changes no totals", async () => {
      const arm = newArm();
      await drain(store);
      const input = contributionInput({ ...arm, contributions: [] });
      expect(await store.applyContributions(input)).toEqual({ status: "applied" });
      expect(await store.applyContributions(input)).toEqual({ status: "duplicate" });
      expect(await totalsOf(store, arm)).toBeUndefined();
      expect((await drain(store)).map((entry) => entry.rows)).toEqual([input.event.row]);
    });

    test("one generation has at most 256 events; one more is refused and changes nothing", async () => {
      const arm = newArm();
      const generationId = newGenerationId();
      const event = (index: number) =>
        contributionInput({ ...arm, generationId, eventId: `event-${index}`, occurredAtMs: index });
      for (let from = 0; from < eventsPerGenerationMax; from += 64) {
        await Promise.all(
          Array.from({ length: 64 }, (_, index) => store.applyContributions(event(from + index))),
        );
      }
      await drain(store);
      await expect(store.applyContributions(event(eventsPerGenerationMax))).rejects.toMatchObject({
        code: "resource_exhausted",
        reason: "TOO_MANY_OUTCOMES",
      });
      expect(await store.applyContributions(event(3))).toEqual({ status: "duplicate" });
      expect(await drain(store)).toEqual([]);
      expect((await totalsOf(store, arm))?.totals.generations).toBe(1);
    });

    test("listeners get each new version, in order, also when another listener throws", async () => {
      const arm = newArm();
      const seen: ArmTotals[] = [];
      const stopThrowing = store.onTotalsChanged(() => {
        throw new Error("a listener's bug");
      });
      const stop = store.onTotalsChanged((totals) => {
        if (totals.codeType !== arm.codeType) return;
        if (totals.version > (seen.at(-1)?.version ?? 0)) seen.push(totals);
      });
      for (let run = 0; run < 5; run += 1) {
        await Promise.all(Array.from({ length: 10 }, () => book(store, arm)));
      }
      await until("50 versions", 2000, () => seen.length >= 50);
      expect(seen.map((totals) => totals.version)).toEqual(
        Array.from({ length: 50 }, (_, i) => i + 1),
      );
      expect(seen.at(-1)).toEqual(await totalsOf(store, arm));
      stop();
      stopThrowing();
      // A listener of the same store that came later hears of the next change; by then the first would have.
      let heard = false;
      const stopLater = store.onTotalsChanged((totals) => {
        heard ||= totals.codeType === arm.codeType && totals.version === 51;
      });
      await book(store, arm);
      await until("version 51", 2000, () => heard);
      stopLater();
      expect(seen).toHaveLength(50);
    });

    test("a ledger lives on from its last event and is forgotten after that; totals stay", async () => {
      const own = await makeStore();
      try {
        const other = await own.open();
        const arm = newArm();
        const generationId = newGenerationId();
        const event = (eventId: string) =>
          book(other, { ...arm, generationId, eventId, ttlSeconds: 3600 });
        await event("one");
        await own.age(3000);
        await event("two");
        await own.age(3000);
        expect(await event("one")).toEqual({ status: "duplicate" });
        await own.age(4000);
        expect(await event("one")).toEqual({ status: "applied" });
        expect((await totalsOf(other, arm))?.totals.generations).toBe(2);
      } finally {
        await own.dispose();
      }
    });

    test("more than a thousand arms are all listed, before and after opening again", async () => {
      const own = await makeStore();
      try {
        const other = await own.open();
        const inputs = Array.from({ length: 1200 }, (_, index) =>
          contributionInput({
            agentType: sampleArm.agentType,
            codeType: `code.${Math.floor(index / 4)}` as CodeType,
            variantId: `evolution/v${index % 4}@1` as VariantId,
          }),
        );
        await Promise.all(inputs.map((input) => other.applyContributions(input)));
        const name = (arm: ArmKey): string => `${arm.agentType} ${arm.codeType} ${arm.variantId}`;
        const expected = inputs.map(name).sort();
        expect((await listAll(other)).map(name).sort()).toEqual(expected);
        await other.close();
        const reopened = await own.open();
        const listed = await listAll(reopened);
        expect(listed.map(name).sort()).toEqual(expected);
        for (const { totals, version } of listed) {
          expect([totals.reward, totals.weight, totals.generations, version]).toEqual([
            0.375, 0.5, 1, 1,
          ]);
        }
      } finally {
        await own.dispose();
      }
    });
  });
}
