import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { outboxReadBytesMax } from "../../ports/outbox-bounds.ts";
import type { OutboxBatch, OutboxEntry } from "../../ports/state-store.ts";
import type { GroupCommit } from "./group-commit.ts";
import { type LmdbTables, sequenceKey, sequenceOfKey } from "./lmdb-tables.ts";
import { decodeOutboxEntryHead } from "./outbox-entry-codec.ts";
import type { OutboxAmount, OutboxTally } from "./outbox-tally.ts";
import type { WriteBatch } from "./write-batch.ts";

const metaKey = Buffer.from("batch");
/** Outbox entries removed in one transaction, or as many as have those bytes: about 2 ms. */
const removedPerStep = 400;
const removedBytesPerStep = 4 * 2 ** 20;
/** Read before others have their turn: about 2 ms. */
const entriesPerTurn = 500;
const bytesPerTurn = 2 ** 20;

/** The batch under way: all entries up to `last`. At most one, because one process owns the store. */
interface BatchRecord {
  readonly id: string;
  /** Sequence number of its last entry. */
  readonly last: number;
  /**
   * `formed`: on disk, not handed out yet. `handed_out`: may have been inserted. `confirmed`: was inserted,
   * some of its entries may be removed already.
   */
  readonly step: "formed" | "handed_out" | "confirmed";
}

interface Bounds {
  /** Sequence number of the last entry that may be read. */
  readonly last: number;
  readonly rowsMax: number;
  readonly bytesMax: number;
}

/**
 * The outbox as batches. A batch is all entries up to a sequence number: entries are only ever added above
 * it, and those below it are removed only when it is confirmed, so it is fixed as soon as that number is
 * on disk. That number, an id that is used nowhere else, and how far the batch has come are one record:
 *
 * 1. `formed` is committed.
 * 2. `handed_out` is committed, then the batch is returned. A power cut may undo the newest commit (see
 *    lmdb-tables.ts), so it may undo this one, which changes nothing, but not the first.
 * 3. Confirming commits `confirmed` together with the first removals, further removals in steps, the record's
 *    own removal with the last. Cut off in between, it is taken up when the next batch is read: entries of a
 *    `confirmed` batch are in the event log and are never returned again. A power cut may undo the newest
 *    of these commits: then the whole batch comes again under its id, or a removal is repeated.
 */
export class LmdbOutbox {
  readonly #tables: LmdbTables;
  readonly #commits: GroupCommit<WriteBatch>;
  readonly #tally: OutboxTally;
  readonly #readNow: <Result>(read: () => Result) => Result;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param options.readNow runs a read on the newest commit; throws a BanditError */
  constructor(options: {
    tables: LmdbTables;
    commits: GroupCommit<WriteBatch>;
    tally: OutboxTally;
    readNow: <Result>(read: () => Result) => Result;
  }) {
    this.#tables = options.tables;
    this.#commits = options.commits;
    this.#tally = options.tally;
    this.#readNow = options.readNow;
  }

  read(rowsMax: number): Promise<OutboxBatch | undefined> {
    return this.#inTurn(async () => {
      let record = this.#findRecord();
      if (record?.step === "confirmed") {
        await this.#remove(record);
        record = undefined;
      }
      if (record === undefined) return await this.#form(rowsMax);
      const bounds = { last: record.last, rowsMax: Infinity, bytesMax: Infinity };
      return await this.#handOut(record, await this.#collect(bounds));
    });
  }

  /** Of a batch that is not the one under way nothing is left to confirm. */
  confirm(id: string): Promise<void> {
    return this.#inTurn(async () => {
      const record = this.#findRecord();
      if (record?.id === id) await this.#remove(record);
    });
  }

  async #form(rowsMax: number): Promise<OutboxBatch | undefined> {
    const entries = await this.#collect({ last: Infinity, rowsMax, bytesMax: outboxReadBytesMax });
    const newest = entries.at(-1);
    if (newest === undefined) return undefined;
    const record: BatchRecord = { id: randomUUID(), last: Number(newest.id), step: "formed" };
    await this.#commits.run((batch) => batch.putMeta(metaKey, encodeRecord(record)));
    return await this.#handOut(record, entries);
  }

  async #handOut(record: BatchRecord, entries: readonly OutboxEntry[]): Promise<OutboxBatch> {
    if (record.step === "formed") {
      const handedOut = encodeRecord({ ...record, step: "handed_out" });
      await this.#commits.run((batch) => batch.putMeta(metaKey, handedOut));
    }
    return { id: record.id, entries };
  }

  async #remove(record: BatchRecord): Promise<void> {
    const confirmed = encodeRecord({ ...record, step: "confirmed" });
    for (;;) {
      const { keys, amount, isLast } = this.#readNow(() => this.#firstKeys(record.last));
      await this.#commits.run((batch) => {
        for (const key of keys) batch.remove("outbox", key);
        if (isLast) batch.remove("meta", metaKey);
        else batch.putMeta(metaKey, confirmed);
      });
      this.#tally.removed(amount);
      if (isLast) return;
    }
  }

  #firstKeys(last: number): { keys: Buffer[]; amount: OutboxAmount; isLast: boolean } {
    const keys: Buffer[] = [];
    const amount = { entries: 0, rows: 0, bytes: 0 };
    for (const { key, value } of this.#tables.outbox.getRange({ end: sequenceKey(last + 1) })) {
      if (keys.length >= removedPerStep || amount.bytes >= removedBytesPerStep) {
        return { keys, amount, isLast: false };
      }
      const { rowCount, rowsAt } = decodeOutboxEntryHead(value);
      keys.push(Buffer.from(key));
      amount.entries += 1;
      amount.rows += rowCount;
      amount.bytes += value.length - rowsAt;
    }
    return { keys, amount, isLast: true };
  }

  /** The oldest entries within the bounds, at least one when there is any. */
  async #collect(bounds: Bounds): Promise<OutboxEntry[]> {
    const entries: OutboxEntry[] = [];
    const left = { rows: bounds.rowsMax, bytes: bounds.bytesMax };
    for (;;) {
      const isOver = this.#readNow(() => this.#collectPage(entries, left, bounds.last));
      if (isOver) return entries;
      await nextTurn();
    }
  }

  /** @returns true when nothing more is to be read. */
  #collectPage(
    entries: OutboxEntry[],
    left: { rows: number; bytes: number },
    last: number,
  ): boolean {
    const newest = entries.at(-1);
    const start = sequenceKey(newest === undefined ? 0 : Number(newest.id) + 1);
    const entriesBefore = entries.length;
    let bytes = 0;
    for (const { key, value } of this.#tables.outbox.getRange({ start })) {
      const sequence = sequenceOfKey(key);
      if (sequence > last) return true;
      if (bytes >= bytesPerTurn || entries.length - entriesBefore >= entriesPerTurn) return false;
      const { stream, rowCount, rowsAt } = decodeOutboxEntryHead(value);
      left.rows -= rowCount;
      left.bytes -= value.length;
      if (entries.length > 0 && (left.rows < 0 || left.bytes < 0)) return true;
      const rows = value.toString("utf8", rowsAt);
      entries.push({ id: String(sequence), stream, rows, rowCount });
      bytes += value.length;
    }
    return true;
  }

  #findRecord(): BatchRecord | undefined {
    const value = this.#readNow(() => this.#tables.meta.get(metaKey));
    return value === undefined ? undefined : (JSON.parse(value.toString()) as BatchRecord);
  }

  /** One after another: what is read must not be removed or formed anew meanwhile. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    // Whoever asked sees the failure; the next one only waits for the end.
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function encodeRecord(record: BatchRecord): Buffer {
  return Buffer.from(JSON.stringify(record));
}
