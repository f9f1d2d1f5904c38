import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OutboxBatch, RecordDecisionInput, StateStore } from "../../src/ports/state-store.ts";
import { expectCounterexample, forAll } from "../support/for-all.ts";
import { recordMany } from "../support/state-samples.ts";
import { OutboxLedger } from "./outbox-ledger.ts";
import { drain, type MakeStateStore, type StateStoreHarness } from "./state-store-harness.ts";

const stepArbitrary = fc.record({
  who: fc.nat(2),
  what: fc.oneof(
    { weight: 4, arbitrary: fc.record({ record: fc.integer({ min: 1, max: 12 }) }) },
    { weight: 1, arbitrary: fc.constant("repeat" as const) },
    { weight: 5, arbitrary: fc.record({ read: fc.integer({ min: 1, max: 30 }) }) },
    { weight: 4, arbitrary: fc.record({ confirmBefore: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.constantFrom("reopen", "die", "silence") },
  ),
});
type Step = typeof stepArbitrary extends fc.Arbitrary<infer S> ? S : never;
const stepsArbitrary = fc.array(stepArbitrary, { maxLength: 40, size: "max" });

/** Gives a store as it is, or a wrong one. */
type Wrap = (store: StateStore) => Pick<StateStore, "readOutbox" | "confirmOutbox">;

/** One process that uses the store, and the batches it has read. */
interface Worker {
  store: StateStore;
  /** The same store, or a wrong one. */
  outbox: ReturnType<Wrap>;
  batches: OutboxBatch[];
}

/** Random histories of up to three processes that share an outbox, or of one, against what is promised. */
export function describeOutboxModel(makeStore: MakeStateStore): void {
  describe("outbox over any history", () => {
    let harness: StateStoreHarness;
    beforeEach(async () => {
      harness = await makeStore();
    });
    afterEach(() => harness.dispose());

    test("batches never change nor overlap, with several readers and confirmers, and the counts are exact", () =>
      forAll([stepsArbitrary], { numRuns: 30 }, (steps) => live(harness, steps)));

    test.each(Object.entries(wrongStores))("the model notices a store that %s", (_, wrap) =>
      expectCounterexample([stepsArbitrary], 200, (steps) => live(harness, steps, wrap)),
    );
  });
}

const wrongStores: Readonly<Record<string, Wrap>> = {
  "adds newer events to a batch that was read before": (store) => {
    let before: OutboxBatch | undefined;
    return {
      confirmOutbox: (batch) => store.confirmOutbox(batch),
      readOutbox: async (options) => {
        const batch = await store.readOutbox(options);
        if (batch === undefined || before?.id !== batch.id) {
          before = batch;
          return batch;
        }
        const [first] = batch.entries;
        return { id: batch.id, entries: first === undefined ? [] : [...batch.entries, first] };
      },
    };
  },
  "gives entries again under another id": (store) => {
    let readings = 0;
    return {
      confirmOutbox: (batch) => store.confirmOutbox({ ...batch, id: batch.id.slice(0, 36) }),
      readOutbox: async (options) => {
        readings += 1;
        const batch = await store.readOutbox(options);
        return batch && { ...batch, id: `${batch.id}${readings}` };
      },
    };
  },
  "forgets a confirmation": (store) => ({
    confirmOutbox: () => Promise.resolve(),
    readOutbox: (options) => store.readOutbox(options),
  }),
};

async function live(
  harness: StateStoreHarness,
  steps: readonly Step[],
  wrap: Wrap = (store) => store,
): Promise<void> {
  const ledger = new OutboxLedger();
  const workers: Worker[] = [];
  for (let worker = 0; worker < (harness.shared ? 3 : 1); worker += 1) {
    const store = await harness.open();
    workers.push({ store, outbox: wrap(store), batches: [] });
  }
  let latest: RecordDecisionInput | undefined;
  try {
    for (const { who, what } of steps) {
      const worker = workers[who % workers.length] as Worker;
      latest = await take(what, { worker, harness, ledger, wrap, latest });
      await checkState(worker.store, ledger);
    }
    await harness.silence();
    const { store } = workers[0] as Worker;
    const left = ledger.waiting();
    const rows = (await drain(store)).flatMap((entry) => entry.rows.split("\n"));
    expect(rows.toSorted()).toEqual(left.toSorted());
    expect(await store.outboxState()).toEqual({ entries: 0, rows: 0, bytes: 0 });
  } finally {
    // Whatever went wrong, the next history begins with nothing.
    await harness.silence();
    const { store } = workers[0] as Worker;
    for (let batch = await store.readOutbox({ rowsMax: 1000 }); batch !== undefined; ) {
      await store.confirmOutbox(batch);
      batch = await store.readOutbox({ rowsMax: 1000 });
    }
    for (const worker of workers) await worker.store.close();
  }
}

async function take(
  what: Step["what"],
  context: {
    worker: Worker;
    harness: StateStoreHarness;
    ledger: OutboxLedger;
    wrap: Wrap;
    latest: RecordDecisionInput | undefined;
  },
): Promise<RecordDecisionInput | undefined> {
  const { worker, harness, ledger, wrap, latest } = context;
  if (what === "silence") await harness.silence();
  else if (what === "repeat") {
    if (latest !== undefined) await worker.store.recordDecision(latest);
  } else if (what === "reopen" || what === "die") {
    // Where processes share the outbox, one that dies is simply not heard of again.
    if (what === "reopen" || !harness.shared) await worker.store.close();
    worker.store = await harness.open();
    worker.outbox = wrap(worker.store);
  } else if ("record" in what) {
    const inputs = await recordMany(worker.store, what.record);
    for (const { event } of inputs) ledger.wrote(event.row);
    return inputs.at(-1);
  } else if ("read" in what) {
    const batch = await worker.outbox.readOutbox({ rowsMax: what.read });
    if (batch === undefined) return latest;
    ledger.read(batch);
    expect(ledger.isConfirmed(batch.id), "a confirmed batch came again").toBe(false);
    worker.batches.push(batch);
  } else {
    // Also one that was confirmed long ago, or by another process, or before this one was opened anew.
    const batch = worker.batches.at(-1 - what.confirmBefore);
    if (batch === undefined) return latest;
    await worker.outbox.confirmOutbox(batch);
    ledger.confirmed(batch.id);
  }
  return latest;
}

async function checkState(store: StateStore, ledger: OutboxLedger): Promise<void> {
  const waiting = ledger.waiting();
  const { entries, rows, bytes, oldestAtMs } = await store.outboxState();
  expect(rows).toBe(waiting.length);
  // Rows of one entry have line breaks between them.
  const rowBytes = waiting.reduce((sum, row) => sum + Buffer.byteLength(row), 0);
  expect(bytes).toBe(rowBytes + rows - entries);
  expect(entries > 0).toBe(rows > 0);
  expect(oldestAtMs === undefined).toBe(rows === 0);
  if (oldestAtMs !== undefined) expect(Math.abs(Date.now() - oldestAtMs)).toBeLessThan(60_000);
}
