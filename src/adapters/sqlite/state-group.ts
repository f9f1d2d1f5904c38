import type { StatementSync } from "node:sqlite";
import { BanditError } from "../../domain/errors.ts";
import type { ArmTotals, OutboxEvent } from "../../ports/state-store.ts";
import type { EventAppends } from "./event-appends.ts";
import type { CallGroup } from "./group-commit.ts";
import type { SqliteFile } from "./sqlite-file.ts";

/** Tells whether the store may still grow. */
export class RoomGauge {
  readonly #file: SqliteFile;
  readonly #bytesMax: number;
  readonly #liveBytes: StatementSync;

  constructor(file: SqliteFile, bytesMax: number) {
    this.#file = file;
    this.#bytesMax = bytesMax;
    this.#liveBytes = file.prepare(
      `SELECT (page_count - freelist_count) * page_size AS bytes
       FROM pragma_page_count, pragma_freelist_count, pragma_page_size`,
    );
  }

  hasRoom(): boolean {
    if (!this.#file.hasRoom) return false;
    return (this.#liveBytes.get()?.["bytes"] as number) < this.#bytesMax;
  }
}

/** What the calls of one transaction on the state store share. */
export class StateGroup implements CallGroup {
  readonly nowMs: number;
  readonly #room: RoomGauge;
  readonly #events: EventAppends;
  readonly #announce: (changed: ArmTotals) => void;
  readonly #changed: ArmTotals[] = [];
  #hasRoom: boolean | undefined;

  /** @param options.announce told of each changed arm once that is committed */
  constructor(options: {
    nowMs: number;
    room: RoomGauge;
    events: EventAppends;
    announce: (changed: ArmTotals) => void;
  }) {
    this.nowMs = options.nowMs;
    this.#room = options.room;
    this.#events = options.events;
    this.#announce = options.announce;
    this.#events.begin();
  }

  expiresAtSeconds(ttlSeconds: number): number {
    return Math.ceil(this.nowMs / 1000) + ttlSeconds;
  }

  get hasRoom(): boolean {
    this.#hasRoom ??= this.#room.hasRoom();
    return this.#hasRoom;
  }

  /** @throws BanditError resource_exhausted when the store has reached its bound, or the disk. */
  requireRoom(): void {
    if (this.hasRoom) return;
    throw new BanditError("resource_exhausted", "the embedded state store is full", {
      reason: "STATE_FULL",
      retryAfterMs: 1000,
    });
  }

  addEvent(event: OutboxEvent): void {
    this.#events.add(event);
  }

  addChanged(totals: ArmTotals): void {
    this.#changed.push(totals);
  }

  finish(): void {
    this.#events.write(this.nowMs);
  }

  committed(): void {
    this.#events.committed();
    for (const totals of this.#changed) this.#announce(totals);
  }
}
