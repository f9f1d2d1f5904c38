import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { GroupCommit } from "./group-commit.ts";
import { decodeLedger } from "./ledger.ts";
import { expiringTable, expiryKey, type LmdbTables } from "./lmdb-tables.ts";
import type { WriteBatch } from "./write-batch.ts";

/** Generation ids looked at in one sweep, or one entry of the index: about 2 ms of work. */
const idsPerSweep = 200;
const idleIntervalMs = 10_000;
/** With a backlog: 40,000 ids a second, more than can be written in that time. */
const busyIntervalMs = 5;

/** The wall clock has been set when it has gone this much further, or less far, than the monotonic one. */
const jumpMsMin = 2_000;
/**
 * For so long after that nothing is swept: longer than a decision is remembered without looking here
 * (`decisionMemorySeconds`), so that a ledger which a clock that was ahead has swept cannot be missed.
 */
const heldMs = 15 * 60_000;

/**
 * Removes expired records and ledgers a little at a time, so that the file does not grow for ever. Not by a wall clock that
 * has just been set: it may be wrong, and set right again. What it would remove wrongly is a ledger whose generation somebody
 * still remembers, and its outcomes would be counted twice. After a quarter of an hour it is believed.
 */
export class ExpirySweeper {
  readonly #tables: LmdbTables;
  readonly #commits: GroupCommit<WriteBatch>;
  readonly #clock: Clock;
  readonly #logger: Logger | undefined;
  /** Of the wall clock, ahead of the monotonic one. */
  #aheadMs: number;
  #heldUntilMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(options: {
    tables: LmdbTables;
    commits: GroupCommit<WriteBatch>;
    clock: Clock;
    logger: Logger | undefined;
  }) {
    this.#tables = options.tables;
    this.#commits = options.commits;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#aheadMs = options.clock.nowMs() - options.clock.monotonicMs();
    this.#schedule(idleIntervalMs);
  }

  /** @returns the number of ids looked at; 0 when nothing has expired, or the clock has been set a short time ago. */
  sweep(): Promise<number> {
    return this.#commits.run((batch) => (this.#isHeld(batch.nowMs) ? 0 : this.#planSweep(batch)));
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
          this.#logger?.warn("removing expired state failed and will be tried again", { error });
          this.#schedule(idleIntervalMs);
        },
      );
    }, delayMs).unref();
  }

  /** Looks at the moment that the sweep goes by. */
  #isHeld(nowMs: number): boolean {
    const monotonicMs = this.#clock.monotonicMs();
    const aheadMs = nowMs - monotonicMs;
    const jumpMs = aheadMs - this.#aheadMs;
    this.#aheadMs = aheadMs;
    if (Math.abs(jumpMs) >= jumpMsMin) {
      this.#heldUntilMs = monotonicMs + heldMs;
      this.#logger?.warn("the wall clock was set: no expired state is removed for a while", {
        byMs: Math.round(jumpMs),
        forMs: heldMs,
      });
    }
    return monotonicMs < this.#heldUntilMs;
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
