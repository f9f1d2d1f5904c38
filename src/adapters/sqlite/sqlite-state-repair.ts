import { randomUUID } from "node:crypto";
import type { StatementSync } from "node:sqlite";
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
import type { EventAppends } from "./event-appends.ts";
import type { GroupCommit } from "./group-commit.ts";
import { mergeIntoLedger } from "./ledger.ts";
import type { SqliteFile } from "./sqlite-file.ts";
import type { StateGroup } from "./state-group.ts";
import type { StateTables } from "./state-tables.ts";

/** Ledgers or decisions put back in one call: decisions wait for about 2 ms. */
const restoredPerCall = 100;

/** {@link StateRepair} on SQLite, which one process owns: a call of the group commit is one atomic step. */
export class SqliteStateRepair implements StateRepair {
  readonly #tables: StateTables;
  readonly #events: EventAppends;
  readonly #commits: GroupCommit<StateGroup>;
  readonly #guard: <Result>(read: () => Result) => Result;
  readonly #findOrigin: StatementSync;
  readonly #putOrigin: StatementSync;

  /** @param options.guard runs a read; throws a BanditError */
  constructor(options: {
    file: SqliteFile;
    tables: StateTables;
    events: EventAppends;
    commits: GroupCommit<StateGroup>;
    guard: <Result>(read: () => Result) => Result;
  }) {
    this.#tables = options.tables;
    this.#events = options.events;
    this.#commits = options.commits;
    this.#guard = options.guard;
    this.#findOrigin = options.file.prepare("SELECT value FROM meta WHERE name = 'origin'");
    this.#putOrigin = options.file.prepare("REPLACE INTO meta VALUES ('origin', ?)");
  }

  restoreDecisions(decisions: readonly RestoredDecision[]): Promise<number> {
    return this.#inCalls(decisions, (group, { record, ttlSeconds }) => {
      group.requireRoom();
      const expiresAtSeconds = group.expiresAtSeconds(ttlSeconds);
      return this.#tables.addDecision(record, { expiresAtSeconds, nowMs: group.nowMs });
    });
  }

  restoreLedgers(ledgers: readonly RestoredLedger[]): Promise<number> {
    return this.#inCalls(ledgers, (group, restored) => {
      const { generationId, ttlSeconds } = restored;
      const known = this.#tables.findLedger(generationId);
      const merged = mergeIntoLedger(known, restored, group.expiresAtSeconds(ttlSeconds));
      if (merged === undefined) return false;
      group.requireRoom();
      this.#tables.putLedger(generationId, merged);
      return true;
    });
  }

  async readTotals(armGroup: ArmGroup): Promise<readonly ArmTotals[]> {
    return this.#guard(() => this.#tables.totalsOfGroup(armGroup));
  }

  replaceTotals(input: ReplaceTotalsInput): Promise<boolean> {
    const { agentType, codeType, variantId, totals, expectedVersion } = input;
    const changed = { agentType, codeType, variantId, totals, version: replacedVersion(input) };
    return this.#commits.run((group) => {
      if ((this.#tables.findTotals(input)?.version ?? 0) !== expectedVersion) return false;
      group.requireRoom();
      this.#tables.putTotals(changed);
      group.addChanged(changed);
      return true;
    });
  }

  async markOutbox(): Promise<OutboxMark> {
    const last = this.#guard(() => this.#events.lastId());
    return last === undefined ? [] : [String(last)];
  }

  async isOutboxPast([last]: OutboxMark): Promise<boolean> {
    if (last === undefined) return true;
    const first = this.#guard(() => this.#events.firstId());
    return first === undefined || first > Number(last);
  }

  /** It cannot be emptied while this process uses it, but may have been before. */
  findOrigin(): Promise<StateOrigin> {
    return this.#commits.run(({ nowMs }) => {
      const stored = this.#findOrigin.get();
      if (stored !== undefined) return JSON.parse(stored["value"] as string) as StateOrigin;
      return this.#newOrigin({ restored: false, emptyAtMs: this.#tables.isEmpty() ? nowMs : 0 });
    });
  }

  async markRestored(): Promise<void> {
    await this.#commits.run(() => this.#newOrigin({ restored: true, emptyAtMs: 0 }));
  }

  #newOrigin(is: Omit<StateOrigin, "id">): StateOrigin {
    const origin = { id: randomUUID(), ...is };
    this.#putOrigin.run(JSON.stringify(origin));
    return origin;
  }

  /** @returns for how many `restore` said that it has changed something */
  async #inCalls<Item>(
    items: readonly Item[],
    restore: (group: StateGroup, item: Item) => boolean,
  ): Promise<number> {
    let changed = 0;
    for (let from = 0; from < items.length; from += restoredPerCall) {
      const some = items.slice(from, from + restoredPerCall);
      changed += await this.#commits.run(
        (group) => some.filter((item) => restore(group, item)).length,
      );
    }
    return changed;
  }
}
