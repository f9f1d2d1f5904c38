import type { DecisionRecord } from "../../domain/decision.ts";
import { BanditError } from "../../domain/errors.ts";
import { generationIdBytes } from "../../domain/generation-id.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { EventStream } from "../../ports/event-rows.ts";
import type { ArmKey, ArmTotals, OutboxEvent } from "../../ports/state-store.ts";
import { decodeDecisionRecord, encodeDecisionRecord } from "../state/decision-record-codec.ts";
import { cutIntoEntries } from "../state/outbox-entries.ts";
import { decodeRewardTotals, encodeRewardTotals } from "../state/reward-totals-codec.ts";
import { durableCommit } from "./durable-commit.ts";
import type { CommitBatch } from "./group-commit.ts";
import { decodeLedger, encodeLedger, type Ledger } from "./ledger.ts";
import {
  type ExpiringTable,
  expiringTable,
  expiryKey,
  type LmdbTables,
  sequenceKey,
  totalsKey,
} from "./lmdb-tables.ts";
import { encodeOutboxEntry, outboxEntryHeadBytes } from "./outbox-entry-codec.ts";
import type { OutboxSequence } from "./outbox-sequence.ts";
import type { OutboxAmount, OutboxTally } from "./outbox-tally.ts";

/** Most rows of one outbox entry, and most ids of one expiry entry. */
export const rowsPerEntryMax = 1000;

/** The writes of one transaction; reads through it see them. */
export class WriteBatch implements CommitBatch {
  readonly nowMs: number;
  readonly #tables: LmdbTables;
  readonly #sequence: OutboxSequence;
  readonly #tally: OutboxTally;
  readonly #hasRoom: () => boolean;
  #roomKnown: boolean | undefined;
  readonly #decisions = new Map<GenerationId, DecisionRecord>();
  readonly #ledgers = new Map<GenerationId, Ledger>();
  readonly #totals = new Map<string, ArmTotals>();
  readonly #rows = new Map<EventStream, string[]>();
  readonly #expiring = new Map<
    string,
    { minute: number; table: ExpiringTable; ids: Uint8Array[] }
  >();
  readonly #removals: (() => void)[] = [];
  /** Puts come after all removals: what a sweep removes and another call of the group writes anew stays. */
  readonly #puts: (() => void)[] = [];

  constructor(options: {
    tables: LmdbTables;
    nowMs: number;
    sequence: OutboxSequence;
    tally: OutboxTally;
    hasRoom: () => boolean;
  }) {
    this.#tables = options.tables;
    this.nowMs = options.nowMs;
    this.#sequence = options.sequence;
    this.#tally = options.tally;
    this.#hasRoom = options.hasRoom;
  }

  /** @throws BanditError resource_exhausted when the map has reached its bound. */
  requireRoom(): void {
    this.#roomKnown ??= this.#hasRoom();
    if (this.#roomKnown) return;
    throw new BanditError("resource_exhausted", "the embedded state store is full", {
      reason: "STATE_FULL",
      retryAfterMs: 1000,
    });
  }

  findDecision(id: GenerationId): DecisionRecord | undefined {
    return this.#decisions.get(id) ?? readDecision(this.#tables, id, this.nowMs);
  }

  addDecision(record: DecisionRecord, expiresAtSeconds: number): void {
    this.#decisions.set(record.generationId, record);
    const key = generationIdBytes(record.generationId);
    const encoded = encodeDecisionRecord(record);
    const value = Buffer.allocUnsafe(4 + encoded.length);
    value.writeUInt32BE(expiresAtSeconds);
    encoded.copy(value, 4);
    this.#puts.push(() => void this.#tables.decisions.put(key as Buffer, value));
    this.#expire(expiringTable.decisions, expiresAtSeconds, key);
  }

  /**
   * One whose time is over counts until it is swept: it says what was booked, and the clock may be ahead for a while
   * only ({@link ExpirySweeper}).
   */
  findLedger(id: GenerationId): Ledger | undefined {
    const planned = this.#ledgers.get(id);
    if (planned !== undefined) return planned;
    const bytes = this.#tables.ledgers.get(generationIdBytes(id) as Buffer);
    return bytes === undefined ? undefined : decodeLedger(bytes);
  }

  /** @param known the ledger before the change. */
  putLedger(id: GenerationId, ledger: Ledger, known: Ledger | undefined): void {
    this.#ledgers.set(id, ledger);
    const minuteBefore = known === undefined ? 0 : expiryMinute(known.expiresAtSeconds);
    if (expiryMinute(ledger.expiresAtSeconds) !== minuteBefore) {
      this.#expire(expiringTable.ledgers, ledger.expiresAtSeconds, generationIdBytes(id));
    }
  }

  findTotals(arm: ArmKey): ArmTotals | undefined {
    const key = totalsKey(arm);
    const planned = this.#totals.get(key.toString("latin1"));
    if (planned !== undefined) return planned;
    const bytes = this.#tables.totals.get(key);
    return bytes === undefined ? undefined : decodeTotals(key, bytes);
  }

  putTotals(totals: ArmTotals): void {
    this.#totals.set(totalsKey(totals).toString("latin1"), totals);
  }

  addEvent(event: OutboxEvent): void {
    const rows = this.#rows.get(event.stream);
    if (rows === undefined) this.#rows.set(event.stream, [event.row]);
    else rows.push(event.row);
  }

  /** Removes entries of any table. */
  remove(table: "decisions" | "ledgers" | "outbox" | "expiries" | "meta", key: Buffer): void {
    this.#removals.push(() => void this.#tables[table].remove(key));
  }

  putMeta(key: Buffer, value: Buffer): void {
    this.#puts.push(() => void this.#tables.meta.put(key, value));
  }

  async commit(): Promise<void> {
    const written = this.#planEvents();
    this.#planEntries();
    if (this.#removals.length + this.#puts.length === 0) return;
    await durableCommit(this.#tables.environment, () => {
      for (const remove of this.#removals) remove();
      for (const put of this.#puts) put();
      this.#sequence.reserve();
    });
    this.#sequence.committed();
    this.#tally.added(written);
  }

  #planEvents(): OutboxAmount {
    const written = { entries: 0, rows: 0, bytes: 0 };
    for (const [stream, all] of this.#rows) {
      for (const rows of cutIntoEntries(all, rowsPerEntryMax)) {
        const value = encodeOutboxEntry({ stream, rows, writtenAtMs: this.nowMs });
        const key = sequenceKey(this.#sequence.next());
        this.#puts.push(() => void this.#tables.outbox.put(key, value));
        written.entries += 1;
        written.rows += rows.length;
        written.bytes += value.length - outboxEntryHeadBytes;
      }
    }
    return written;
  }

  #planEntries(): void {
    const { ledgers, totals, expiries } = this.#tables;
    for (const [id, ledger] of this.#ledgers) {
      const key = generationIdBytes(id) as Buffer;
      const value = encodeLedger(ledger);
      this.#puts.push(() => void ledgers.put(key, value));
    }
    for (const [key, arm] of this.#totals) {
      const value = encodeRewardTotals(arm);
      this.#puts.push(() => void totals.put(Buffer.from(key, "latin1"), value));
    }
    for (const { minute, table, ids } of this.#expiring.values()) {
      for (let from = 0; from < ids.length; from += rowsPerEntryMax) {
        const value = Buffer.concat(ids.slice(from, from + rowsPerEntryMax));
        const key = expiryKey(minute, table, this.#sequence.next());
        this.#puts.push(() => void expiries.put(key, value));
      }
    }
  }

  #expire(table: ExpiringTable, expiresAtSeconds: number, id: Uint8Array): void {
    const minute = expiryMinute(expiresAtSeconds);
    const group = `${table}:${minute}`;
    const expiring = this.#expiring.get(group);
    if (expiring === undefined) this.#expiring.set(group, { minute, table, ids: [id] });
    else expiring.ids.push(id);
  }
}

/** Undefined when there is none or it has expired. */
export function readDecision(
  tables: LmdbTables,
  id: GenerationId,
  nowMs: number,
): DecisionRecord | undefined {
  const bytes = tables.decisions.get(generationIdBytes(id) as Buffer);
  if (bytes === undefined || bytes.readUInt32BE() * 1000 <= nowMs) return undefined;
  return decodeDecisionRecord(id, bytes.subarray(4));
}

export function decodeTotals(key: Buffer, bytes: Buffer): ArmTotals {
  const [agentType, codeType, variantId] = key.toString("latin1").split("\0");
  return { agentType, codeType, variantId, ...decodeRewardTotals(plainTotals(bytes)) } as ArmTotals;
}

/** Version 0.1.0 wrote the numbers as a JSON array. */
function plainTotals(bytes: Buffer): Buffer {
  if (bytes[0] !== openingBracket) return bytes;
  return Buffer.from((JSON.parse(bytes.toString()) as number[]).join(" "));
}

const openingBracket = 0x5b;

/** The minute at whose beginning the entry has expired. */
function expiryMinute(expiresAtSeconds: number): number {
  return Math.ceil(expiresAtSeconds / 60);
}
