import { stepBytesMax } from "../../ports/outbox-bounds.ts";
import { type LmdbTables, liveBytes } from "./lmdb-tables.ts";

/** A commit may copy pages besides those it writes. */
const commitBytesMax = 2 * stepBytesMax;
const commitsUnmeasuredMax = 64;

/**
 * Tells whether the store may still grow. Asking LMDB costs as much as a decision does, so after each look
 * as many commits go unasked as are sure to fit.
 */
export class RoomGauge {
  readonly #tables: LmdbTables;
  readonly #bytesMax: number;
  #commitsLeft = 0;

  constructor(tables: LmdbTables, bytesMax: number) {
    this.#tables = tables;
    this.#bytesMax = bytesMax;
  }

  /** Asked once for each commit. */
  hasRoom(): boolean {
    if (this.#commitsLeft > 0) {
      this.#commitsLeft -= 1;
      return true;
    }
    const free = this.#bytesMax - liveBytes(this.#tables);
    this.#commitsLeft = Math.max(
      0,
      Math.min(Math.floor(free / commitBytesMax) - 1, commitsUnmeasuredMax),
    );
    return free > 0;
  }
}
