import type { StatementSync } from "node:sqlite";
import type { EventStream } from "../../ports/event-rows.ts";
import type { OutboxEvent, OutboxState } from "../../ports/state-store.ts";
import { cutIntoEntries } from "../state/outbox-entries.ts";
import type { SqliteFile } from "./sqlite-file.ts";

/** Most rows of one outbox entry. */
const rowsPerEntryMax = 1000;

/** Of some outbox entries; `bytes` are those of the rows. */
export interface OutboxAmount {
  readonly entries: number;
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Appends the events of each transaction, those of one stream as few entries, and knows how much waits: counted once
 * when the store opens, then kept up with every commit, so it is exact and asking costs nothing.
 */
export class EventAppends {
  readonly #append: StatementSync;
  readonly #first: StatementSync;
  readonly #last: StatementSync;
  readonly #rows = new Map<EventStream, string[]>();
  #nextId: number;
  #waiting: OutboxAmount;
  /** Entries and rows that wait once the transaction under way is committed. */
  #waitingThen: OutboxAmount;
  /** When the oldest entry was written; undefined where it has to be looked up. */
  #oldestAtMs: number | undefined;

  constructor(file: SqliteFile) {
    this.#append = file.prepare("INSERT INTO outbox VALUES (?, ?, ?, ?, ?)");
    this.#first = file.prepare("SELECT id, written_at_ms FROM outbox ORDER BY id LIMIT 1");
    this.#last = file.prepare("SELECT id FROM outbox ORDER BY id DESC LIMIT 1");
    const known = file
      .prepare(
        `SELECT count(*) AS entries, sum(row_count) AS rows, sum(octet_length(rows)) AS bytes,
           max(coalesce(max(id), 0), coalesce((SELECT last FROM batch), 0)) AS last FROM outbox`,
      )
      .get() as { entries: number; rows: number | null; bytes: number | null; last: number };
    this.#nextId = known.last + 1;
    this.#waiting = { entries: known.entries, rows: known.rows ?? 0, bytes: known.bytes ?? 0 };
    this.#waitingThen = this.#waiting;
  }

  /** Of the oldest entry; undefined when there is none. */
  firstId(): number | undefined {
    return this.#first.get()?.["id"] as number | undefined;
  }

  /** Of the newest entry; undefined when there is none. */
  lastId(): number | undefined {
    return this.#last.get()?.["id"] as number | undefined;
  }

  state(): OutboxState {
    if (this.#waiting.entries === 0) return { ...this.#waiting };
    this.#oldestAtMs ??= this.#first.get()?.["written_at_ms"] as number;
    return { ...this.#waiting, oldestAtMs: this.#oldestAtMs };
  }

  /** Forgets what a transaction that was not committed had. */
  begin(): void {
    this.#rows.clear();
    this.#waitingThen = this.#waiting;
  }

  add({ stream, row }: OutboxEvent): void {
    const rows = this.#rows.get(stream);
    if (rows === undefined) this.#rows.set(stream, [row]);
    else rows.push(row);
  }

  removed({ entries, rows, bytes }: OutboxAmount): void {
    this.#count({ entries: -entries, rows: -rows, bytes: -bytes });
    this.#oldestAtMs = undefined;
  }

  write(nowMs: number): void {
    for (const [stream, all] of this.#rows) {
      for (const rows of cutIntoEntries(all, rowsPerEntryMax)) {
        const text = rows.join("\n");
        this.#append.run(this.#nextId, stream, rows.length, nowMs, text);
        this.#nextId += 1;
        this.#count({ entries: 1, rows: rows.length, bytes: Buffer.byteLength(text) });
      }
    }
  }

  committed(): void {
    this.#waiting = this.#waitingThen;
  }

  #count({ entries, rows, bytes }: OutboxAmount): void {
    const then = this.#waitingThen;
    this.#waitingThen = {
      entries: then.entries + entries,
      rows: then.rows + rows,
      bytes: then.bytes + bytes,
    };
  }
}
