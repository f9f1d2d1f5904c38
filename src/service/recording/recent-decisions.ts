import type { DecisionRecord } from "../../domain/decision.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import { decisionMemorySeconds } from "./retention.ts";

interface Entry {
  readonly record: DecisionRecord;
  /** Of the monotonic clock. */
  readonly addedAtMs: number;
}

/**
 * Decisions this process made or read lately, so that reporting on them costs no read. A decision
 * never changes, so an entry is never wrong; the store stays the authority for what is not here.
 * Two generations of a map: when the young one is full it becomes the old one, which is dropped.
 *
 * An entry counts for a few minutes by the monotonic clock. A report on a decision found here relies on
 * the store to have what was booked of it, and the store forgets by another clock: if this process's wall clock were behind,
 * or were set right after it had been ahead, a decision remembered here could outlive its ledger there, and be counted twice.
 * A decision that was in the store so short a time ago has its ledger there now, whatever the wall clocks say (`retention.ts`). Refused: to ask the store each
 * time, a read for every report.
 */
export class RecentDecisions {
  readonly #entriesMax: number;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #young = new Map<GenerationId, Entry>();
  #old = new Map<GenerationId, Entry>();

  /** @param entriesMax kept at most; at least half of it are the newest. */
  constructor(entriesMax: number, clock: Pick<Clock, "monotonicMs">) {
    this.#entriesMax = entriesMax;
    this.#clock = clock;
  }

  /** @param record in the store now, or in the spool. */
  add(record: DecisionRecord): void {
    if (this.#young.size >= this.#entriesMax / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(record.generationId, { record, addedAtMs: this.#clock.monotonicMs() });
  }

  /** One that the store had so short a time ago that it is sure to have its ledger. */
  find(generationId: GenerationId): DecisionRecord | undefined {
    const entry = this.#young.get(generationId) ?? this.#old.get(generationId);
    if (entry === undefined) return undefined;
    const ageMs = this.#clock.monotonicMs() - entry.addedAtMs;
    return ageMs < decisionMemorySeconds * 1000 ? entry.record : undefined;
  }

  /** However long ago: it was made, but whether anything of it may still be learned is for the store to say. */
  recall(generationId: GenerationId): DecisionRecord | undefined {
    return (this.#young.get(generationId) ?? this.#old.get(generationId))?.record;
  }
}
