import type { OutboxState } from "../../ports/state-store.ts";
import type { LmdbTables } from "./lmdb-tables.ts";
import { decodeOutboxEntryHead } from "./outbox-entry-codec.ts";

/** Of some outbox entries; `bytes` are those of the rows. */
export interface OutboxAmount {
  readonly entries: number;
  readonly rows: number;
  readonly bytes: number;
}

/**
 * How much waits in the outbox: counted once when the store opens, then kept up with every commit, so it
 * is exact and asking costs nothing.
 */
export class OutboxTally {
  readonly #tables: LmdbTables;
  readonly #openedAtMs: number;
  #entries = 0;
  #rows = 0;
  #bytes = 0;
  /** Of the oldest entry; undefined where it has to be looked up. */
  #oldestAtMs: number | undefined;

  constructor(tables: LmdbTables, openedAtMs: number) {
    this.#tables = tables;
    this.#openedAtMs = openedAtMs;
    for (const { value } of tables.outbox.getRange({})) {
      const { rowCount, rowsAt } = decodeOutboxEntryHead(value);
      this.added({ entries: 1, rows: rowCount, bytes: value.length - rowsAt });
    }
  }

  added({ entries, rows, bytes }: OutboxAmount): void {
    this.#entries += entries;
    this.#rows += rows;
    this.#bytes += bytes;
  }

  removed({ entries, rows, bytes }: OutboxAmount): void {
    this.#entries -= entries;
    this.#rows -= rows;
    this.#bytes -= bytes;
    this.#oldestAtMs = undefined;
  }

  state(): OutboxState {
    const amount = { entries: this.#entries, rows: this.#rows, bytes: this.#bytes };
    if (this.#entries === 0) return amount;
    this.#oldestAtMs ??= this.#readOldest();
    return { ...amount, oldestAtMs: this.#oldestAtMs };
  }

  /** An entry of version 0.1.0 does not say when it was written: it is older than this process. */
  #readOldest(): number {
    for (const { value } of this.#tables.outbox.getRange({ limit: 1 })) {
      return decodeOutboxEntryHead(value).writtenAtMs ?? this.#openedAtMs;
    }
    return this.#openedAtMs;
  }
}
