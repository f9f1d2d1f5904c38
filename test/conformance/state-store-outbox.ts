import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { outboxEntryBytesMax, outboxReadBytesMax } from "../../src/ports/outbox-bounds.ts";
import type { StateStore } from "../../src/ports/state-store.ts";
import { book, decisionInput, recordMany } from "../support/state-samples.ts";
import {
  drain,
  type MakeStateStore,
  readBatch,
  rowsOf,
  type StateStoreHarness,
} from "./state-store-harness.ts";

export function describeOutbox(makeStore: MakeStateStore): void {
  describe("outbox", () => {
    let harness: StateStoreHarness;
    let store: StateStore;
    beforeEach(async () => {
      harness = await makeStore();
      store = await harness.open();
    });
    afterEach(() => harness.dispose());

    test("holds exactly what was recorded, each generation's events in their order", async () => {
      const generations = Array.from({ length: 40 }, () => decisionInput());
      await Promise.all(
        generations.map(async (decision) => {
          const { generationId } = decision.record;
          await store.recordDecision(decision);
          for (const eventId of ["1", "2", "3"]) {
            await book(store, { generationId, eventId });
            await book(store, { generationId, eventId });
          }
        }),
      );
      const entries = await drain(store, 25);
      expect(rowsOf(entries)).toHaveLength(160);
      for (const { record, event } of generations) {
        const rows = (stream: string): string[] =>
          rowsOf(entries.filter((entry) => entry.stream === stream)).filter((row) =>
            row.includes(record.generationId),
          );
        expect(rows("decisions")).toEqual([event.row]);
        expect(rows("outcomes").map((row) => JSON.parse(row).outcome_id)).toEqual(["1", "2", "3"]);
      }
      expect(await store.outboxState()).toEqual({ entries: 0, rows: 0, bytes: 0 });
    });

    test("the decisions of one turn are one entry each partition and thousand rows, not one each", async () => {
      await recordMany(store, 1500);
      expect((await store.outboxState()).entries).toBeLessThanOrEqual(18);
      expect(rowsOf(await drain(store))).toHaveLength(1500);
    });

    test("a batch comes again as it was until it is confirmed, with newer events there and after opening anew", async () => {
      const record = async (turns: number): Promise<void> => {
        for (let turn = 0; turn < turns; turn += 1) await recordMany(store, 10);
      };
      await record(6);
      const first = await readBatch(store, 100);
      expect(rowsOf(first.entries)).toHaveLength(60);
      await record(2);
      expect(await readBatch(store, 100)).toEqual(first);
      expect(await readBatch(store, 1)).toEqual(first);
      await store.close();
      store = await harness.open();
      await record(1);
      expect(await readBatch(store, 10_000)).toEqual(first);
      await store.confirmOutbox(first);
      await store.confirmOutbox(first);
      const second = await readBatch(store, 100);
      expect(second.id).not.toBe(first.id);
      expect(rowsOf(second.entries)).toHaveLength(30);
      // Confirming what is not under way any more takes nothing away from what is.
      await store.confirmOutbox(first);
      expect(await readBatch(store, 100)).toEqual(second);
      await store.confirmOutbox(second);
      expect(await store.readOutbox({ rowsMax: 100 })).toBeUndefined();
    });

    test("about as many rows come as were asked for, and always at least one entry", async () => {
      for (let turn = 0; turn < 8; turn += 1) await recordMany(store, 5);
      const one = await readBatch(store, 1);
      expect(one.entries).toHaveLength(1);
      await store.confirmOutbox(one);
      const some = rowsOf((await readBatch(store, 20)).entries).length;
      expect(some).toBeGreaterThanOrEqual(1);
      // Entries have five rows at most, and the last one is taken whole.
      expect(some).toBeLessThanOrEqual(20 + 4);
      expect(rowsOf(await drain(store, 7))).toHaveLength(40 - rowsOf(one.entries).length);
    });

    test("entries have 4 MiB at most and one reading 16 MiB, or one entry; nothing is lost by that", async () => {
      const decisions = Array.from({ length: 40 }, () => {
        const decision = decisionInput();
        const row = JSON.stringify({ id: decision.record.generationId, text: "é".repeat(2 ** 19) });
        return { ...decision, event: { stream: "decisions" as const, row } };
      });
      const { generationId } = (decisions[0] as (typeof decisions)[number]).record;
      await Promise.all(decisions.map((decision) => store.recordDecision(decision)));
      await book(store, { generationId, event: { stream: "outcomes", row: "x".repeat(2 ** 20) } });
      const rows: string[] = [];
      let readings = 0;
      for (;;) {
        const batch = await store.readOutbox({ rowsMax: 10_000 });
        expect(await store.readOutbox({ rowsMax: 10_000 })).toEqual(batch);
        if (batch === undefined) break;
        const bytes = batch.entries.map((entry) => Buffer.byteLength(entry.rows));
        expect(Math.max(...bytes)).toBeLessThanOrEqual(outboxEntryBytesMax);
        expect(sum(bytes)).toBeLessThan(outboxReadBytesMax + 2 * outboxEntryBytesMax);
        rows.push(...rowsOf(batch.entries));
        await store.confirmOutbox(batch);
        readings += 1;
      }
      expect(readings).toBeGreaterThanOrEqual(3);
      expect(rows).toHaveLength(41);
      for (const { event } of decisions) expect(rows).toContain(event.row);
    });

    test("rows keep every character", async () => {
      const decision = decisionInput();
      const row = JSON.stringify({ text: "\u2028 ünï \u{1f600} \\n \u0000" });
      await store.recordDecision({ ...decision, event: { stream: "decisions", row } });
      expect(rowsOf(await drain(store))).toEqual([row]);
    });
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
