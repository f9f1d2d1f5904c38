import { expect } from "vitest";
import type { OutboxBatch } from "../../src/ports/state-store.ts";

/**
 * What was put into an outbox and what came out of it, by whomever. Throws as soon as a batch differs from what
 * it was before, or an entry is in two batches.
 */
export class OutboxLedger {
  readonly #contents = new Map<string, string>();
  readonly #batchOfEntry = new Map<string, string>();
  readonly #batchOfRow = new Map<string, string>();
  readonly #confirmed = new Set<string>();
  readonly #written = new Set<string>();

  /** Rows must all be different. */
  wrote(row: string): void {
    this.#written.add(row);
  }

  read(batch: OutboxBatch): void {
    expect(batch.entries.length).toBeGreaterThan(0);
    const content = JSON.stringify(batch.entries);
    const known = this.#contents.get(batch.id);
    if (known !== undefined) {
      expect(content, `batch ${batch.id} is not what it was`).toBe(known);
      return;
    }
    this.#contents.set(batch.id, content);
    for (const entry of batch.entries) {
      expect(this.#batchOfEntry.get(entry.id), `entry ${entry.id} is in two batches`).toBe(
        undefined,
      );
      this.#batchOfEntry.set(entry.id, batch.id);
      for (const row of entry.rows.split("\n")) {
        expect(this.#batchOfRow.get(row), `a row is in two batches: ${row}`).toBe(undefined);
        this.#batchOfRow.set(row, batch.id);
      }
    }
  }

  confirmed(batchId: string): void {
    this.#confirmed.add(batchId);
  }

  isConfirmed(batchId: string): boolean {
    return this.#confirmed.has(batchId);
  }

  /** Rows that were written and are not in a confirmed batch. */
  waiting(): string[] {
    return [...this.#written].filter((row) => {
      const batch = this.#batchOfRow.get(row);
      return batch === undefined || !this.#confirmed.has(batch);
    });
  }

  /** Rows that were written and are in no batch that was read. */
  unread(): string[] {
    return [...this.#written].filter((row) => !this.#batchOfRow.has(row));
  }

  get batches(): number {
    return this.#contents.size;
  }
}
