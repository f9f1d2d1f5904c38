import { type Database, open, type RootDatabase } from "lmdb";
import type { ArmKey } from "../../ports/state-store.ts";
import { ownBatchesOnly } from "./durable-commit.ts";

/** Which table an expiry entry speaks about. */
export const expiringTable = { decisions: 1, ledgers: 2 } as const;
export type ExpiringTable = (typeof expiringTable)[keyof typeof expiringTable];

/**
 * The LMDB tables. Keys sort bytewise; numbers in keys are big-endian.
 *
 * | table     | key                                              | value |
 * | decisions | generation id, 16 bytes                          | expiry in Unix seconds u32, encoded decision record |
 * | ledgers   | generation id, 16 bytes                          | JSON, see ledger.ts |
 * | totals    | agent type NUL code type NUL variant id          | see adapters/state/reward-totals-codec.ts; of version 0.1.0 a JSON array |
 * | outbox    | sequence number u64                              | see outbox-entry-codec.ts |
 * | expiries  | Unix minute u32, table u8, sequence number u64   | generation ids, 16 bytes each |
 * | meta      | "sequence"                                       | first sequence number not reserved yet, u64 |
 * | meta      | "origin"                                         | JSON, see ports/state-repair.ts |
 * | meta      | "batch"                                          | JSON, the outbox batch under way, see lmdb-outbox.ts |
 */
export interface LmdbTables {
  readonly environment: RootDatabase<Buffer, Buffer>;
  readonly decisions: Database<Buffer, Buffer>;
  readonly ledgers: Database<Buffer, Buffer>;
  readonly totals: Database<Buffer, Buffer>;
  readonly outbox: Database<Buffer, Buffer>;
  readonly expiries: Database<Buffer, Buffer>;
  readonly meta: Database<Buffer, Buffer>;
}

export function openTables(directory: string): LmdbTables {
  const binary = { encoding: "binary", keyEncoding: "binary" } as const;
  const environment: RootDatabase<Buffer, Buffer> = open({
    path: directory,
    ...binary,
    ...ownBatchesOnly,
    maxDbs: 8,
    noSubdir: false,
    // A commit resolves when its data are on disk, so whatever happens to this process, what was answered
    // is kept. The page that makes it the newest commit follows with the next one: a power cut may undo the
    // last commit, never damage the store. That is stricter than Redis with its file synced every second.
    // Measured, p50 at one in flight: 0.74 ms with that page synced too, 0.53 ms without. Overlapping sync,
    // whose commit resolves before any flush, was slower under load (23,600 against 32,000 decisions/s).
    noMetaSync: true,
    overlappingSync: false,
  });
  const table = (name: string): Database<Buffer, Buffer> => environment.openDB({ name, ...binary });
  return {
    environment,
    decisions: table("decisions"),
    ledgers: table("ledgers"),
    totals: table("totals"),
    outbox: table("outbox"),
    expiries: table("expiries"),
    meta: table("meta"),
  };
}

/** Bytes of the pages that hold data; freed pages, which LMDB uses again, do not count. */
export function liveBytes(tables: LmdbTables): number {
  let bytes = 0;
  for (const table of [
    tables.decisions,
    tables.ledgers,
    tables.totals,
    tables.outbox,
    tables.expiries,
  ]) {
    const stats = table.getStats() as {
      pageSize: number;
      treeBranchPageCount: number;
      treeLeafPageCount: number;
      overflowPages: number;
    };
    bytes +=
      stats.pageSize * (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages);
  }
  return bytes;
}

export function entryCount(table: Database<Buffer, Buffer>): number {
  return (table.getStats() as { entryCount: number }).entryCount;
}

export function totalsKey(arm: ArmKey): Buffer {
  return Buffer.from(`${arm.agentType}\0${arm.codeType}\0${arm.variantId}`, "latin1");
}

export function sequenceKey(sequence: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeBigUInt64BE(BigInt(sequence));
  return key;
}

export function sequenceOfKey(key: Uint8Array): number {
  return Number(Buffer.from(key).readBigUInt64BE());
}

export function expiryKey(minute: number, table: ExpiringTable, sequence: number): Buffer {
  const key = Buffer.allocUnsafe(13);
  key.writeUInt32BE(minute);
  key[4] = table;
  key.writeBigUInt64BE(BigInt(sequence), 5);
  return key;
}
