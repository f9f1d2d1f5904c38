import { randomUUID } from "node:crypto";
import type { StatementSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { EventStream } from "../../ports/event-rows.ts";
import { outboxReadBytesMax } from "../../ports/outbox-bounds.ts";
import type { OutboxBatch, OutboxEntry } from "../../ports/state-store.ts";
import type { EventAppends, OutboxAmount } from "./event-appends.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { SqliteFile } from "./sqlite-file.ts";
import type { StateGroup } from "./state-group.ts";

/** Outbox entries removed in one transaction, or as many as have those bytes: about 2 ms. */
const removedPerStep = 400;
const removedBytesPerStep = 4 * 2 ** 20;
/** Read before others have their turn: about 2 ms. */
const entriesPerTurn = 500;
const bytesPerTurn = 2 ** 20;

/** The newest batch: all entries up to `last`. At most one is under way, because one process owns the store. */
interface BatchRecord {
  readonly id: string;
  /** Id of its last entry. */
  readonly last: number;
  /** It was inserted; some of its entries, or all, may be removed already. */
  readonly is_confirmed: number;
}

interface EntryHead {
  readonly id: number;
  readonly row_count: number;
  readonly bytes: number;
}

/**
 * The outbox as batches. A batch is all entries up to an id: entries are only ever added above it, and those below it are
 * removed only when it is confirmed, so it is fixed as soon as that id is on disk. Its record is committed and flushed
 * before the batch is handed out. Confirming commits `is_confirmed` together with the first removals, further removals
 * in steps. Cut off in between, it is taken up when the next batch is read: entries of a confirmed batch are in
 * the event log and are never returned again. A power cut may undo the newest of these commits: then the whole batch
 * comes again under its id, or a removal is repeated.
 *
 * The record stays until the next batch is formed, so its `last` says which ids were used although no entry is there: no
 * id is used for two entries that anybody has seen.
 */
export class SqliteOutbox {
  readonly #file: SqliteFile;
  readonly #commits: GroupCommit<StateGroup>;
  readonly #events: EventAppends;
  readonly #guard: <Result>(read: () => Result) => Result;
  readonly #findBatch: StatementSync;
  readonly #putBatch: StatementSync;
  readonly #entries: StatementSync;
  readonly #heads: StatementSync;
  readonly #remove: StatementSync;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param options.guard runs a read; throws a BanditError */
  constructor(options: {
    file: SqliteFile;
    commits: GroupCommit<StateGroup>;
    events: EventAppends;
    guard: <Result>(read: () => Result) => Result;
  }) {
    const { file } = options;
    this.#file = file;
    this.#commits = options.commits;
    this.#events = options.events;
    this.#guard = options.guard;
    this.#findBatch = file.prepare("SELECT id, last, is_confirmed FROM batch");
    this.#putBatch = file.prepare("REPLACE INTO batch VALUES (1, ?, ?, ?)");
    this.#entries = file.prepare(
      `SELECT id, stream, row_count, rows, octet_length(rows) AS bytes FROM outbox
       WHERE id > ? AND id <= ? ORDER BY id`,
    );
    this.#heads = file.prepare(
      `SELECT id, row_count, octet_length(rows) AS bytes FROM outbox
       WHERE id <= ? ORDER BY id LIMIT ${removedPerStep}`,
    );
    this.#remove = file.prepare("DELETE FROM outbox WHERE id <= ?");
  }

  read(rowsMax: number): Promise<OutboxBatch | undefined> {
    return this.#inTurn(async () => {
      const batch = this.#newestBatch();
      if (batch?.is_confirmed === 1) await this.#removeEntries(batch);
      if (batch === undefined || batch.is_confirmed === 1) return await this.#form(rowsMax);
      const bounds = { last: batch.last, rows: Infinity, bytes: Infinity };
      return await this.#handOut(batch.id, await this.#collect(bounds));
    });
  }

  /** Of a batch that is not the newest nothing is there any more. */
  confirm(id: string): Promise<void> {
    return this.#inTurn(async () => {
      const batch = this.#newestBatch();
      if (batch?.id === id) await this.#removeEntries(batch);
    });
  }

  async #form(rowsMax: number): Promise<OutboxBatch | undefined> {
    const bounds = { last: Number.MAX_SAFE_INTEGER, rows: rowsMax, bytes: outboxReadBytesMax };
    const entries = await this.#collect(bounds);
    const newest = entries.at(-1);
    if (newest === undefined) return undefined;
    const id = randomUUID();
    await this.#commits.run(() => this.#putBatch.run(id, Number(newest.id), 0));
    return await this.#handOut(id, entries);
  }

  async #handOut(id: string, entries: readonly OutboxEntry[]): Promise<OutboxBatch> {
    await this.#file.flush();
    return { id, entries };
  }

  async #removeEntries({ id, last }: BatchRecord): Promise<void> {
    for (;;) {
      const step = this.#guard(() => this.#firstStep(last));
      if (step.entries === 0) return;
      await this.#commits.run(() => {
        this.#putBatch.run(id, last, 1);
        this.#remove.run(step.last);
        this.#events.removed(step);
      });
    }
  }

  #firstStep(last: number): OutboxAmount & { readonly last: number } {
    const step = { entries: 0, rows: 0, bytes: 0, last };
    for (const head of this.#heads.iterate(last) as Iterable<unknown> as Iterable<EntryHead>) {
      step.entries += 1;
      step.rows += head.row_count;
      step.bytes += head.bytes;
      step.last = head.id;
      if (step.bytes >= removedBytesPerStep) break;
    }
    return step;
  }

  /** The oldest entries within the bounds, at least one when there is any. */
  async #collect(left: { last: number; rows: number; bytes: number }): Promise<OutboxEntry[]> {
    const entries: OutboxEntry[] = [];
    for (;;) {
      const isOver = this.#guard(() => this.#collectPage(entries, left));
      if (isOver) return entries;
      await nextTurn();
    }
  }

  /** @returns true when nothing more is to be read. */
  #collectPage(
    entries: OutboxEntry[],
    left: { readonly last: number; rows: number; bytes: number },
  ): boolean {
    const entriesBefore = entries.length;
    let bytes = 0;
    const rows = this.#entries.iterate(Number(entries.at(-1)?.id ?? 0), left.last);
    for (const row of rows as Iterable<unknown> as Iterable<
      EntryHead & { readonly stream: EventStream; readonly rows: string }
    >) {
      if (bytes >= bytesPerTurn || entries.length - entriesBefore >= entriesPerTurn) return false;
      left.rows -= row.row_count;
      left.bytes -= row.bytes;
      if (entries.length > 0 && (left.rows < 0 || left.bytes < 0)) return true;
      const { stream, rows: text, row_count: rowCount } = row;
      entries.push({ id: String(row.id), stream, rows: text, rowCount });
      bytes += row.bytes;
    }
    return true;
  }

  #newestBatch(): BatchRecord | undefined {
    return this.#guard(() => this.#findBatch.get()) as BatchRecord | undefined;
  }

  /** One after another: what is read must not be removed or formed anew meanwhile. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    // The failure is told to its own caller; the next call only waits for the end.
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
