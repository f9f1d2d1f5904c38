import { setImmediate as nextTurn } from "node:timers/promises";
import { replaceInTotals, zeroTotals } from "../../domain/contribution.ts";
import type { DecisionRecord } from "../../domain/decision.ts";
import { BanditError } from "../../domain/errors.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import { waitingBytesMax } from "../../ports/outbox-bounds.ts";
import type {
  ApplyContributionsInput,
  ApplyContributionsResult,
  ArmTotals,
  OutboxBatch,
  OutboxState,
  RecordDecisionInput,
  StateStore,
} from "../../ports/state-store.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import { requireBookable } from "../state/bookable-contributions.ts";
import { eventBytes } from "../state/outbox-entries.ts";
import { TotalsListeners } from "../state/totals-listeners.ts";
import { EventAppends } from "./event-appends.ts";
import { ExpirySweeper } from "./expiry-sweeper.ts";
import { GroupCommit } from "./group-commit.ts";
import { applyToLedger } from "./ledger.ts";
import { isOfSqlite, isOfSystem, tellsOfDamage, tellsOfNoRoom } from "./sqlite-errors.ts";
import { SqliteFile } from "./sqlite-file.ts";
import { SqliteOutbox } from "./sqlite-outbox.ts";
import { SqliteStateRepair } from "./sqlite-state-repair.ts";
import { RoomGauge, StateGroup } from "./state-group.ts";
import { StateTables, stateSchema } from "./state-tables.ts";

export interface SqliteStateStoreOptions {
  /** Created when missing. The caller sees to it that nobody else opens it. */
  readonly directory: string;
  readonly clock: Clock;
  /** Told about listeners that throw, sweeps that fail, and a disk that takes no more. */
  readonly logger?: Logger;
  /** Told of the log's size. */
  readonly telemetry?: Telemetry;
  /** `everysec` (by default): an answer does not wait for the disk, which has it within a second. `always`: it waits. */
  readonly flush?: "everysec" | "always";
  /** Bytes of live data at which writes are refused with `resource_exhausted`; 64 GiB by default. */
  readonly bytesMax?: number;
  /** Bytes of the log from which on it is copied into the file; 64 MiB by default. It has twice as much at most. */
  readonly logBytesMax?: number;
  /** Calls that may wait; 50,000 by default. */
  readonly waitingCallsMax?: number;
  /** Bytes of events they may hold; 256 MiB by default. */
  readonly waitingBytesMax?: number;
}

export const stateFileName = "state.sqlite";

const stateBytesMax = 64 * 2 ** 30;
const stateLogBytesMax = 64 * 2 ** 20;

/** About 1 ms to read; others have their turn after each page. */
const totalsPageSize = 200;

/** The embedded state store: one SQLite file in one directory, owned by one process. */
export class SqliteStateStore implements StateStore {
  readonly shared = false;
  readonly repair: SqliteStateRepair;
  readonly #file: SqliteFile;
  readonly #tables: StateTables;
  readonly #clock: Clock;
  readonly #commits: GroupCommit<StateGroup>;
  readonly #sweeper: ExpirySweeper;
  readonly #events: EventAppends;
  readonly #outbox: SqliteOutbox;
  readonly #listeners: TotalsListeners;
  #closing: Promise<void> | undefined;

  /** @throws BanditError failed_precondition when the file is damaged or none of ours, unavailable when it cannot be opened. */
  static async open(options: SqliteStateStoreOptions): Promise<SqliteStateStore> {
    const { directory, logger, telemetry, logBytesMax = stateLogBytesMax } = options;
    let file: SqliteFile | undefined;
    try {
      file = SqliteFile.open({
        directory,
        name: stateFileName,
        schema: stateSchema,
        logBytesMax,
        logger,
        onLogBytes: (bytes) => telemetry?.gauge("bandit_state_log_bytes", bytes),
      });
      return new SqliteStateStore(file, options);
    } catch (error) {
      await file?.close();
      throw translateOpenError(error, directory);
    }
  }

  private constructor(file: SqliteFile, options: SqliteStateStoreOptions) {
    this.#file = file;
    this.#clock = options.clock;
    this.#listeners = new TotalsListeners(options.logger);
    this.#tables = new StateTables(file);
    this.#events = new EventAppends(file);
    const room = new RoomGauge(file, options.bytesMax ?? stateBytesMax);
    this.#commits = new GroupCommit({
      file,
      openGroup: () =>
        new StateGroup({
          nowMs: options.clock.nowMs(),
          room,
          events: this.#events,
          announce: (changed) => this.#listeners.tell(changed),
        }),
      isFlushed: options.flush === "always",
      translate: translateError,
      callsMax: options.waitingCallsMax ?? 50_000,
      bytesMax: options.waitingBytesMax ?? waitingBytesMax,
    });
    const parts = {
      file,
      tables: this.#tables,
      commits: this.#commits,
      events: this.#events,
      guard: <Result>(read: () => Result) => this.#read(read),
    };
    this.#outbox = new SqliteOutbox(parts);
    this.repair = new SqliteStateRepair(parts);
    this.#sweeper = new ExpirySweeper({ ...parts, clock: options.clock, logger: options.logger });
  }

  recordDecision(input: RecordDecisionInput): Promise<DecisionRecord | undefined> {
    const { record, event, ttlSeconds } = input;
    return this.#commits.run((group) => {
      const { nowMs } = group;
      if (!group.hasRoom) {
        const earlier = this.#tables.findDecision(record.generationId, nowMs);
        if (earlier !== undefined) return earlier;
        group.requireRoom();
      }
      const expiresAtSeconds = group.expiresAtSeconds(ttlSeconds);
      if (!this.#tables.addDecision(record, { expiresAtSeconds, nowMs })) {
        return this.#tables.findDecision(record.generationId, nowMs);
      }
      group.addEvent(event);
      return undefined;
    }, eventBytes(event));
  }

  async findDecision(generationId: GenerationId): Promise<DecisionRecord | undefined> {
    return this.#read(() => this.#tables.findDecision(generationId, this.#clock.nowMs()));
  }

  async applyContributions(input: ApplyContributionsInput): Promise<ApplyContributionsResult> {
    requireBookable(input);
    const status = await this.#commits.run((group) => {
      group.requireRoom();
      return this.#apply(group, input);
    }, eventBytes(input.event));
    return { status };
  }

  async *listTotals(): AsyncIterable<ArmTotals> {
    let after: ArmTotals | undefined;
    for (;;) {
      const page = this.#read(() => this.#tables.listTotals(after, totalsPageSize));
      yield* page;
      if (page.length < totalsPageSize) return;
      after = page.at(-1);
      await nextTurn();
    }
  }

  onTotalsChanged(listener: (totals: ArmTotals) => void): () => void {
    return this.#listeners.add(listener);
  }

  readOutbox(options: { rowsMax: number }): Promise<OutboxBatch | undefined> {
    return this.#outbox.read(options.rowsMax);
  }

  confirmOutbox(batch: OutboxBatch): Promise<void> {
    return this.#outbox.confirm(batch.id);
  }

  async outboxState(): Promise<OutboxState> {
    return this.#read(() => this.#events.state());
  }

  async ping(): Promise<void> {
    this.#read(() => this.#tables.isEmpty());
  }

  /**
   * Removes 200 expired records and ledgers at most. Runs by itself too.
   * @returns how many; 0 means nothing has expired, or the clock was set a short time ago.
   */
  sweepExpired(): Promise<number> {
    return this.#sweeper.sweep();
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#sweeper.stop();
      await this.#commits.close();
      this.#listeners.clear();
      await this.#file.close();
    })();
    return this.#closing;
  }

  #apply(group: StateGroup, input: ApplyContributionsInput): ApplyContributionsResult["status"] {
    const known = this.#tables.findLedger(input.generationId);
    const change = applyToLedger(known, input, group.expiresAtSeconds(input.ttlSeconds));
    if (change.status === "duplicate") return "duplicate";
    this.#tables.putLedger(input.generationId, change.ledger);
    group.addEvent(input.event);
    const { before, after, positionBefore, position } = change;
    const isMoved = before.generations > 0 && position !== positionBefore;
    if (
      before.reward === after.reward &&
      before.weight === after.weight &&
      before.generations === after.generations &&
      !isMoved
    ) {
      return change.status;
    }
    const arm = this.#tables.findTotals(input);
    const changed: ArmTotals = {
      agentType: input.agentType,
      codeType: input.codeType,
      variantId: input.variantId,
      totals: replaceInTotals(arm?.totals ?? zeroTotals, {
        before,
        after,
        position,
        positionBefore,
        ...(input.context === undefined ? {} : { context: input.context }),
      }),
      version: (arm?.version ?? 0) + 1,
    };
    this.#tables.putTotals(changed);
    group.addChanged(changed);
    return change.status;
  }

  #read<Result>(read: () => Result): Result {
    if (this.#closing !== undefined) {
      throw new BanditError("unavailable", "the state store is closed", { reason: "STATE_CLOSED" });
    }
    try {
      return read();
    } catch (error) {
      throw translateError(error);
    }
  }
}

function translateOpenError(error: unknown, directory: string): unknown {
  if (!tellsOfDamage(error)) return translateError(error);
  return new BanditError(
    "failed_precondition",
    `${stateFileName} in ${directory} is damaged or no state store: put a backup in its place, or move it away and run banditd rebuild`,
    { reason: "STATE_DAMAGED", cause: error },
  );
}

/** A bug stays what it is. */
function translateError(error: unknown): unknown {
  if (!isOfSqlite(error) && !isOfSystem(error)) return error;
  if (tellsOfNoRoom(error)) {
    return new BanditError("resource_exhausted", "the disk of the embedded state store is full", {
      reason: "STATE_FULL",
      retryAfterMs: 1000,
      cause: error,
    });
  }
  return new BanditError("unavailable", "the embedded state store cannot be used", {
    reason: "STATE_UNAVAILABLE",
    cause: error,
  });
}
