import { randomUUID } from "node:crypto";
import {
  type ArmGroup,
  type OutboxMark,
  type ReplaceTotalsInput,
  type RestoredDecision,
  type RestoredLedger,
  replacedVersion,
  type StateOrigin,
  type StateRepair,
} from "../../ports/state-repair.ts";
import type { ArmTotals } from "../../ports/state-store.ts";
import type { GroupCommit } from "./group-commit.ts";
import { mergeIntoLedger } from "./ledger.ts";
import { entryCount, type LmdbTables, sequenceOfKey } from "./lmdb-tables.ts";
import { decodeTotals, type WriteBatch } from "./write-batch.ts";

/** Ledgers or decisions put back in one call: about 2 ms, for which decisions wait. */
const restoredPerCall = 100;

const originKey = Buffer.from("origin");

/** {@link StateRepair} on LMDB, which one process owns: a call of the group commit is one atomic step. */
export class LmdbStateRepair implements StateRepair {
  readonly #tables: LmdbTables;
  readonly #commits: GroupCommit<WriteBatch>;
  readonly #readNow: <Result>(read: () => Result) => Result;
  readonly #announce: (changed: ArmTotals) => void;

  constructor(options: {
    tables: LmdbTables;
    commits: GroupCommit<WriteBatch>;
    /** Runs a read on the newest commit; throws a BanditError. */
    readNow: <Result>(read: () => Result) => Result;
    announce: (changed: ArmTotals) => void;
  }) {
    this.#tables = options.tables;
    this.#commits = options.commits;
    this.#readNow = options.readNow;
    this.#announce = options.announce;
  }

  restoreDecisions(decisions: readonly RestoredDecision[]): Promise<number> {
    return this.#inCalls(decisions, (batch, { record, ttlSeconds }) => {
      if (batch.findDecision(record.generationId) !== undefined) return false;
      batch.requireRoom();
      batch.addDecision(record, expiresAtSeconds(batch, ttlSeconds));
      return true;
    });
  }

  restoreLedgers(ledgers: readonly RestoredLedger[]): Promise<number> {
    return this.#inCalls(ledgers, (batch, restored) => {
      const known = batch.findLedger(restored.generationId);
      const merged = mergeIntoLedger(known, restored, expiresAtSeconds(batch, restored.ttlSeconds));
      if (merged === undefined) return false;
      batch.requireRoom();
      batch.putLedger(restored.generationId, merged, known);
      return true;
    });
  }

  async readTotals({ agentType, codeType }: ArmGroup): Promise<readonly ArmTotals[]> {
    const start = Buffer.from(`${agentType}\0${codeType}\0`, "latin1");
    const end = Buffer.from(`${agentType}\0${codeType}\u0001`, "latin1");
    return this.#readNow(() =>
      Array.from(this.#tables.totals.getRange({ start, end }), ({ key, value }) =>
        decodeTotals(Buffer.from(key), value),
      ),
    );
  }

  async replaceTotals(input: ReplaceTotalsInput): Promise<boolean> {
    const { agentType, codeType, variantId, totals, expectedVersion } = input;
    const changed = { agentType, codeType, variantId, totals, version: replacedVersion(input) };
    const isReplaced = await this.#commits.run((batch) => {
      if ((batch.findTotals(input)?.version ?? 0) !== expectedVersion) return false;
      batch.requireRoom();
      batch.putTotals(changed);
      return true;
    });
    if (isReplaced) this.#announce(changed);
    return isReplaced;
  }

  async markOutbox(): Promise<OutboxMark> {
    return this.#readNow(() =>
      [...this.#tables.outbox.getKeys({ reverse: true, limit: 1 })].map((key) =>
        String(sequenceOfKey(key)),
      ),
    );
  }

  async isOutboxPast([last]: OutboxMark): Promise<boolean> {
    if (last === undefined) return true;
    return this.#readNow(() => {
      const [first] = this.#tables.outbox.getKeys({ limit: 1 });
      return first === undefined || sequenceOfKey(first) > Number(last);
    });
  }

  /** It cannot be emptied while this process uses it, but may have been before. */
  findOrigin(): Promise<StateOrigin> {
    return this.#commits.run((batch) => {
      const stored = this.#tables.meta.get(originKey);
      if (stored !== undefined) return JSON.parse(stored.toString()) as StateOrigin;
      const { decisions, ledgers, totals } = this.#tables;
      const isEmpty = [decisions, ledgers, totals].every((table) => entryCount(table) === 0);
      const emptyAtMs = isEmpty ? batch.nowMs : 0;
      return putOrigin(batch, { id: randomUUID(), restored: false, emptyAtMs });
    });
  }

  async markRestored(): Promise<void> {
    await this.#commits.run((batch) =>
      putOrigin(batch, { id: randomUUID(), restored: true, emptyAtMs: 0 }),
    );
  }

  /** @returns for how many `plan` said that it has changed something */
  async #inCalls<Item>(
    items: readonly Item[],
    plan: (batch: WriteBatch, item: Item) => boolean,
  ): Promise<number> {
    let changed = 0;
    for (let from = 0; from < items.length; from += restoredPerCall) {
      const some = items.slice(from, from + restoredPerCall);
      changed += await this.#commits.run(
        (batch) => some.filter((item) => plan(batch, item)).length,
      );
    }
    return changed;
  }
}

function putOrigin(batch: WriteBatch, origin: StateOrigin): StateOrigin {
  batch.putMeta(originKey, Buffer.from(JSON.stringify(origin)));
  return origin;
}

function expiresAtSeconds({ nowMs }: WriteBatch, ttlSeconds: number): number {
  return Math.ceil(nowMs / 1000) + ttlSeconds;
}
