import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
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
import type { Logger } from "../../ports/telemetry.ts";
import { requireBookable } from "../state/bookable-contributions.ts";
import { eventBytes } from "../state/outbox-entries.ts";
import { ExpirySweeper } from "./expiry-sweeper.ts";
import { GroupCommit } from "./group-commit.ts";
import { applyToLedger } from "./ledger.ts";
import { LmdbOutbox } from "./lmdb-outbox.ts";
import { LmdbStateRepair } from "./lmdb-state-repair.ts";
import { entryCount, type LmdbTables, openTables } from "./lmdb-tables.ts";
import { tellsOfNoRoom } from "./no-room.ts";
import { OutboxSequence } from "./outbox-sequence.ts";
import { OutboxTally } from "./outbox-tally.ts";
import { RoomGauge } from "./room-gauge.ts";
import { decodeTotals, readDecision, WriteBatch } from "./write-batch.ts";

export interface LmdbStateStoreOptions {
  /** Created when missing. The caller sees to it that nobody else opens it. */
  readonly directory: string;
  readonly clock: Clock;
  /** Told about listeners that throw and sweeps that fail. */
  readonly logger?: Logger;
  /** Bytes of live data at which writes are refused with `resource_exhausted`; 64 GiB by default. */
  readonly mapSizeBytesMax?: number;
  /** Calls that may wait for the disk; 50,000 by default. */
  readonly waitingCallsMax?: number;
  /** Bytes of events they may hold; 256 MiB by default. */
  readonly waitingBytesMax?: number;
}

/** About 1 ms to read and decode; others have their turn after each page. */
const totalsPageSize = 200;

/** The embedded state store: one LMDB environment in one directory, owned by one process. */
export class LmdbStateStore implements StateStore {
  readonly shared = false;
  readonly repair: LmdbStateRepair;
  readonly #tables: LmdbTables;
  readonly #clock: Clock;
  readonly #logger: Logger | undefined;
  readonly #commits: GroupCommit<WriteBatch>;
  readonly #sweeper: ExpirySweeper;
  readonly #tally: OutboxTally;
  readonly #outbox: LmdbOutbox;
  readonly #listeners = new Set<(totals: ArmTotals) => void>();
  #closing: Promise<void> | undefined;

  /** @throws BanditError unavailable when it cannot be opened. */
  static async open(options: LmdbStateStoreOptions): Promise<LmdbStateStore> {
    try {
      const directory = resolve(options.directory);
      mkdirSync(directory, { recursive: true });
      const tables = openTables(directory);
      return new LmdbStateStore(tables, options, await OutboxSequence.open(tables));
    } catch (error) {
      throw translateLmdbError(error);
    }
  }

  private constructor(
    tables: LmdbTables,
    options: LmdbStateStoreOptions,
    sequence: OutboxSequence,
  ) {
    this.#tables = tables;
    this.#clock = options.clock;
    this.#logger = options.logger;
    const bytesMax = options.mapSizeBytesMax ?? 64 * 2 ** 30;
    const room = new RoomGauge(tables, bytesMax);
    const tally = new OutboxTally(tables, options.clock.nowMs());
    this.#tally = tally;
    this.#commits = new GroupCommit({
      openBatch: () => {
        tables.environment.resetReadTxn();
        return new WriteBatch({
          tables,
          nowMs: options.clock.nowMs(),
          sequence,
          tally,
          hasRoom: () => room.hasRoom(),
        });
      },
      translate: translateLmdbError,
      callsMax: options.waitingCallsMax ?? 50_000,
      bytesMax: options.waitingBytesMax ?? waitingBytesMax,
    });
    this.#outbox = new LmdbOutbox({
      tables,
      commits: this.#commits,
      tally,
      readNow: (read) => this.#read(read),
    });
    this.repair = new LmdbStateRepair({
      tables,
      commits: this.#commits,
      readNow: (read) => this.#read(read),
      announce: (changed) => this.#announce(changed),
    });
    this.#sweeper = new ExpirySweeper({
      tables,
      commits: this.#commits,
      clock: options.clock,
      logger: options.logger,
    });
  }

  recordDecision(input: RecordDecisionInput): Promise<DecisionRecord | undefined> {
    return this.#commits.run((batch) => {
      const earlier = batch.findDecision(input.record.generationId);
      if (earlier !== undefined) return earlier;
      batch.requireRoom();
      batch.addDecision(input.record, expiresAtSeconds(batch.nowMs, input.ttlSeconds));
      batch.addEvent(input.event);
      return undefined;
    }, eventBytes(input.event));
  }

  async findDecision(generationId: GenerationId): Promise<DecisionRecord | undefined> {
    return this.#read(() => readDecision(this.#tables, generationId, this.#clock.nowMs()));
  }

  async applyContributions(input: ApplyContributionsInput): Promise<ApplyContributionsResult> {
    requireBookable(input);
    const { status, changed } = await this.#commits.run((batch) => {
      batch.requireRoom();
      return applyInBatch(batch, input);
    }, eventBytes(input.event));
    if (changed !== undefined) this.#announce(changed);
    return { status };
  }

  async *listTotals(): AsyncIterable<ArmTotals> {
    let after: Buffer | undefined;
    for (;;) {
      const page = this.#read(() => [
        ...this.#tables.totals.getRange({
          ...(after === undefined ? {} : { start: after, exclusiveStart: true }),
          limit: totalsPageSize,
        }),
      ]);
      for (const { key, value } of page) yield decodeTotals(Buffer.from(key), value);
      if (page.length < totalsPageSize) return;
      after = Buffer.from((page.at(-1) as { key: Buffer }).key);
      await nextTurn();
    }
  }

  onTotalsChanged(listener: (totals: ArmTotals) => void): () => void {
    const call = (totals: ArmTotals): void => listener(totals);
    this.#listeners.add(call);
    return () => void this.#listeners.delete(call);
  }

  readOutbox(options: { rowsMax: number }): Promise<OutboxBatch | undefined> {
    return this.#outbox.read(options.rowsMax);
  }

  confirmOutbox(batch: OutboxBatch): Promise<void> {
    return this.#outbox.confirm(batch.id);
  }

  async outboxState(): Promise<OutboxState> {
    return this.#read(() => this.#tally.state());
  }

  async ping(): Promise<void> {
    this.#read(() => entryCount(this.#tables.outbox));
  }

  /**
   * Removes some 200 expired records and ledgers at most. Runs by itself too.
   * @returns how many were looked at; 0 means nothing has expired, or the clock was set a short time ago.
   */
  sweepExpired(): Promise<number> {
    return this.#sweeper.sweep();
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#sweeper.stop();
      await this.#commits.close();
      this.#listeners.clear();
      await this.#tables.environment.close();
    })();
    return this.#closing;
  }

  #read<Result>(read: () => Result): Result {
    if (this.#closing !== undefined) {
      throw new BanditError("unavailable", "the state store is closed", { reason: "STATE_CLOSED" });
    }
    try {
      this.#tables.environment.resetReadTxn();
      return read();
    } catch (error) {
      throw translateLmdbError(error);
    }
  }

  #announce(totals: ArmTotals): void {
    for (const listener of this.#listeners) {
      try {
        listener(totals);
      } catch (error) {
        this.#logger?.error("a listener to changed totals threw", { error });
      }
    }
  }
}

function applyInBatch(
  batch: WriteBatch,
  input: ApplyContributionsInput,
): { status: ApplyContributionsResult["status"]; changed?: ArmTotals } {
  const known = batch.findLedger(input.generationId);
  const change = applyToLedger(known, input, expiresAtSeconds(batch.nowMs, input.ttlSeconds));
  if (change.status === "duplicate") return { status: "duplicate" };
  batch.putLedger(input.generationId, change.ledger, known);
  batch.addEvent(input.event);
  const { before, after, positionBefore, position } = change;
  const isMoved = before.generations > 0 && position !== positionBefore;
  if (
    before.reward === after.reward &&
    before.weight === after.weight &&
    before.generations === after.generations &&
    !isMoved
  ) {
    return { status: change.status };
  }
  const arm = batch.findTotals(input);
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
  batch.putTotals(changed);
  return { status: change.status, changed };
}

function expiresAtSeconds(nowMs: number, ttlSeconds: number): number {
  return Math.ceil(nowMs / 1000) + ttlSeconds;
}

function translateLmdbError(error: unknown): unknown {
  if (error instanceof BanditError) return error;
  if (error instanceof Error && error.message.startsWith("invariant violated")) return error;
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
