import { durableCommit } from "./durable-commit.ts";
import { type LmdbTables, sequenceKey, sequenceOfKey } from "./lmdb-tables.ts";

const block = 1_000_000;
const metaKey = Buffer.from("sequence");

/**
 * Numbers that are never used twice, over restarts and crashes too, so that the id of an outbox entry
 * is unique for ever: numbers are used only from a block that is reserved on disk.
 */
export class OutboxSequence {
  readonly #tables: LmdbTables;
  #next: number;
  #reservedEnd: number;
  #reservedByCommit: number;

  static async open(tables: LmdbTables): Promise<OutboxSequence> {
    const stored = tables.meta.get(metaKey);
    const first = stored === undefined ? 1 : sequenceOfKey(stored);
    await durableCommit(tables.environment, () => {
      void tables.meta.put(metaKey, sequenceKey(first + block));
    });
    return new OutboxSequence(tables, first);
  }

  private constructor(tables: LmdbTables, first: number) {
    this.#tables = tables;
    this.#next = first;
    this.#reservedEnd = first + block;
    this.#reservedByCommit = this.#reservedEnd;
  }

  next(): number {
    this.#next += 1;
    return this.#next - 1;
  }

  /** Reserves another block as part of the transaction under construction, when one is needed. */
  reserve(): void {
    if (this.#next <= this.#reservedEnd) return;
    this.#reservedByCommit = this.#next + block;
    void this.#tables.meta.put(metaKey, sequenceKey(this.#reservedByCommit));
  }

  /** To be called once the transaction is committed. */
  committed(): void {
    this.#reservedEnd = this.#reservedByCommit;
  }
}
