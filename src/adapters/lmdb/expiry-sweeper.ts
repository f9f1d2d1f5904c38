import type { GroupCommit } from "./group-commit.ts";
import { decodeLedger } from "./ledger.ts";
import { expiringTable, expiryKey, type LmdbTables } from "./lmdb-tables.ts";
import type { WriteBatch } from "./write-batch.ts";

/** Generation ids looked at in one sweep, or one entry of the index: about 2 ms of work. */
const idsPerSweep = 200;
const idleIntervalMs = 10_000;
/** With a backlog: 40,000 ids a second, more than can be written in that time. */
const busyIntervalMs = 5;

/** Removes expired records and ledgers a little at a time, so that the file does not grow for ever. */
export class ExpirySweeper {
  readonly #tables: LmdbTables;
  readonly #commits: GroupCommit<WriteBatch>;
  readonly #onFailure: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(
    tables: LmdbTables,
    commits: GroupCommit<WriteBatch>,
    onFailure: (error: unknown) => void,
  ) {
    this.#tables = tables;
    this.#commits = commits;
    this.#onFailure = onFailure;
    this.#schedule(idleIntervalMs);
  }

  /** @returns the number of ids looked at; 0 when nothing has expired. */
  sweep(): Promise<number> {
    return this.#commits.run((batch) => this.#planSweep(batch));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.sweep().then(
        (swept) => this.#schedule(swept > 0 ? busyIntervalMs : idleIntervalMs),
        (error: unknown) => {
          this.#onFailure(error);
          this.#schedule(idleIntervalMs);
        },
      );
    }, delayMs).unref();
  }

  #planSweep(batch: WriteBatch): number {
    const nowSeconds = Math.floor(batch.nowMs / 1000);
    const end = expiryKey(Math.floor(nowSeconds / 60) + 1, expiringTable.decisions, 0);
    let seen = 0;
    for (const { key, value } of this.#tables.expiries.getRange({ end })) {
      if (seen > 0 && seen + value.length / 16 > idsPerSweep) break;
      for (let at = 0; at < value.length; at += 16) {
        const id = Buffer.from(value.subarray(at, at + 16));
        this.#planRemoval(batch, Buffer.from(key)[4] as number, id, nowSeconds);
        seen += 1;
      }
      batch.remove("expiries", Buffer.from(key));
    }
    return seen;
  }

  /** An entry that has been given a later expiry since is kept: it has another entry in the index. */
  #planRemoval(batch: WriteBatch, table: number, id: Buffer, nowSeconds: number): void {
    if (table === expiringTable.decisions) {
      const bytes = this.#tables.decisions.get(id);
      if (bytes !== undefined && bytes.readUInt32BE() <= nowSeconds) batch.remove("decisions", id);
      return;
    }
    const bytes = this.#tables.ledgers.get(id);
    if (bytes !== undefined && decodeLedger(bytes).expiresAtSeconds <= nowSeconds) {
      batch.remove("ledgers", id);
    }
  }
}
