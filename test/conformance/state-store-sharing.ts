import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CodeType } from "../../src/domain/ids.ts";
import type { ArmTotals, OutboxBatch, StateStore } from "../../src/ports/state-store.ts";
import {
  book,
  decisionInput,
  newGenerationId,
  recordMany,
  sampleArm,
} from "../support/state-samples.ts";
import { OutboxLedger } from "./outbox-ledger.ts";
import {
  listAll,
  type MakeStateStore,
  rowsOf,
  type StateStoreHarness,
  until,
} from "./state-store-harness.ts";

/** What holds for stores that several processes share; a store of one process must say that it is one. */
export function describeSharing(makeStore: MakeStateStore): void {
  describe("sharing", () => {
    let harness: StateStoreHarness;
    let first: StateStore;
    beforeEach(async () => {
      harness = await makeStore();
      first = await harness.open();
    });
    afterEach(() => harness.dispose());

    test("says whether other processes may use the state too", () => {
      expect(first.shared).toBe(harness.shared);
    });

    test("two stores on one state: changes are heard of, decisions idempotent, outbox shared without overlap", async () => {
      // A store of one process relies on the lock of the data directory, which has tests of its own.
      if (!harness.shared) return;
      const second = await harness.open();
      await seesTotals(first, second);
      await agreeOnDecisions(first, second);
      await shareOutbox(first, second);
    });

    test("five at once that die and lose their batches to others: every row in one batch, which never changes", async () => {
      if (!harness.shared) return;
      const ledger = new OutboxLedger();
      let writing = true;
      const write = async (): Promise<void> => {
        for (let turn = 0; turn < 60; turn += 1) {
          for (const { event } of await recordMany(first, 10)) ledger.wrote(event.row);
        }
        writing = false;
      };
      const confirm = async (store: StateStore, batch: OutboxBatch): Promise<void> => {
        await store.confirmOutbox(batch);
        ledger.confirmed(batch.id);
      };
      const work = async (number: number): Promise<void> => {
        let store = await harness.open();
        let held: OutboxBatch | undefined;
        for (let turn = number; writing || (await store.outboxState()).entries > 0; turn += 1) {
          if (turn % 4 === 0) await harness.silence();
          // A batch that was lost to another one long ago is confirmed all the same.
          if (turn % 5 === 0 && held !== undefined) await confirm(store, held);
          const batch = await store.readOutbox({ rowsMax: 1 + ((7 * turn) % 40) });
          if (batch === undefined) continue;
          ledger.read(batch);
          held = batch;
          if (turn % 3 === 0) store = await harness.open();
          else await confirm(store, batch);
        }
      };
      await Promise.all([write(), ...[1, 2, 3, 4, 5].map(work)]);
      expect(ledger.batches).toBeGreaterThan(20);
      expect(ledger.waiting()).toEqual([]);
      expect(await first.outboxState()).toEqual({ entries: 0, rows: 0, bytes: 0 });
    });
  });
}

async function seesTotals(first: StateStore, second: StateStore): Promise<void> {
  const seen: ArmTotals[] = [];
  const stop = second.onTotalsChanged((totals) => seen.push(totals));
  for (let round = 1; round <= 10; round += 1) {
    const codeType = `shared_${round}` as CodeType;
    await book(first, { ...sampleArm, codeType, generationId: newGenerationId() });
    await until("the other store hears of the change", 2_000, () =>
      seen.some((totals) => totals.codeType === codeType && totals.version === 1),
    );
  }
  stop();
  expect(sortedTotals(await listAll(second))).toEqual(sortedTotals(await listAll(first)));
}

async function agreeOnDecisions(first: StateStore, second: StateStore): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    const generationId = newGenerationId();
    const results = await Promise.all(
      [first, second].map((store, index) => {
        const input = decisionInput(generationId);
        return store.recordDecision({
          ...input,
          record: { ...input.record, propensity: index === 0 ? 0.25 : 0.5 },
        });
      }),
    );
    expect(results.filter((result) => result === undefined)).toHaveLength(1);
  }
}

async function shareOutbox(first: StateStore, second: StateStore): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) {
    const writer = turn % 2 === 0 ? first : second;
    await recordMany(writer, 3);
  }
  const { entries: depth } = await first.outboxState();
  const owners = new Map<string, number>();
  let rows = 0;
  const drainAs = async (store: StateStore, owner: number): Promise<void> => {
    for (;;) {
      const batch = await store.readOutbox({ rowsMax: 9 });
      if (batch === undefined) return;
      for (const entry of batch.entries) {
        expect(owners.has(entry.id), "drained by both").toBe(false);
        owners.set(entry.id, owner);
      }
      rows += rowsOf(batch.entries).length;
      await store.confirmOutbox(batch);
    }
  };
  await Promise.all([drainAs(first, 1), drainAs(second, 2)]);
  expect(owners.size).toBe(depth);
  expect(rows).toBe(10 + 20 + 150);
  expect(new Set(owners.values()).size).toBe(2);
  expect(await second.outboxState()).toEqual({ entries: 0, rows: 0, bytes: 0 });
}

function sortedTotals(totals: readonly ArmTotals[]): ArmTotals[] {
  return totals.toSorted((a, b) => (a.codeType < b.codeType ? -1 : 1));
}
