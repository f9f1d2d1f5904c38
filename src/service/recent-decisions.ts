import type { DecisionRecord } from "../domain/decision.ts";
import type { GenerationId } from "../domain/ids.ts";

/**
 * Decisions this process made or read lately, so that reporting on them costs no read. A decision
 * never changes, so an entry is never wrong; the store stays the authority for what is not here.
 * Two generations of a map: when the young one is full it becomes the old one, which is dropped.
 */
export class RecentDecisions {
  readonly #entriesMax: number;
  #young = new Map<GenerationId, DecisionRecord>();
  #old = new Map<GenerationId, DecisionRecord>();

  /** @param entriesMax kept at most; at least half of it are the newest. */
  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  add(record: DecisionRecord): void {
    if (this.#young.size >= this.#entriesMax / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(record.generationId, record);
  }

  find(generationId: GenerationId): DecisionRecord | undefined {
    return this.#young.get(generationId) ?? this.#old.get(generationId);
  }
}
