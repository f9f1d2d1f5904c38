import { expect } from "vitest";
import { invariant } from "../../src/domain/errors.ts";
import type {
  ArmKey,
  ArmTotals,
  OutboxBatch,
  OutboxEntry,
  StateStore,
} from "../../src/ports/state-store.ts";

export { until } from "../support/until.ts";

/** One empty state and the ways to open it. */
export interface StateStoreHarness {
  /** Opens a store on the state; more than one at a time only where {@link shared}. */
  open(): Promise<StateStore>;
  /** True when several processes may use the state at the same time. */
  readonly shared: boolean;
  /** Makes everything in the state that many seconds older. */
  age(seconds: number): Promise<void>;
  /** Makes all who hold a batch of the outbox look as if they had died; nothing where there is only one process. */
  silence(): Promise<void>;
  /** Closes what was opened and removes the state. */
  dispose(): Promise<void>;
}

export type MakeStateStore = () => Promise<StateStoreHarness>;

export async function listAll(store: StateStore): Promise<ArmTotals[]> {
  const all: ArmTotals[] = [];
  for await (const totals of store.listTotals()) all.push(totals);
  return all;
}

export async function totalsOf(store: StateStore, arm: ArmKey): Promise<ArmTotals | undefined> {
  return (await listAll(store)).find(
    (each) =>
      each.agentType === arm.agentType &&
      each.codeType === arm.codeType &&
      each.variantId === arm.variantId,
  );
}

/** The batch that is to be read now. */
export async function readBatch(store: StateStore, rowsMax = 1000): Promise<OutboxBatch> {
  const batch = await store.readOutbox({ rowsMax });
  invariant(batch !== undefined, "there are events in the outbox");
  return batch;
}

/** Reads and confirms until nothing is left; checks that no entry comes twice. */
export async function drain(store: StateStore, rowsMax = 1000): Promise<OutboxEntry[]> {
  const drained: OutboxEntry[] = [];
  const ids = new Set<string>();
  for (;;) {
    const batch = await store.readOutbox({ rowsMax });
    if (batch === undefined) return drained;
    for (const entry of batch.entries) {
      expect(ids.has(entry.id), `entry ${entry.id} came again after it was confirmed`).toBe(false);
      ids.add(entry.id);
    }
    drained.push(...batch.entries);
    await store.confirmOutbox(batch);
  }
}

export function rowsOf(entries: readonly OutboxEntry[]): string[] {
  return entries.flatMap((entry) => {
    const rows = entry.rows.split("\n");
    expect(rows).toHaveLength(entry.rowCount);
    return rows;
  });
}

/** Repeats until it does not reject any more. */
export async function eventually(attempt: () => Promise<unknown>, withinMs = 5_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
