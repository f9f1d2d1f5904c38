import type { EventStream } from "./event-rows.ts";

/** A row of a stream of the event log, or a report that was spooled while the state store was down. */
export type DeadLetterKind = EventStream | "spooled";

export const deadLetterKinds: readonly DeadLetterKind[] = [
  "decisions",
  "generations",
  "outcomes",
  "spooled",
];

/** An acknowledged event or report that was refused later, kept until it is returned or dropped. */
export interface DeadLetter {
  /** 32 hexadecimal digits, a digest of kind and content: the same thing refused twice is one letter. */
  readonly id: string;
  readonly kind: DeadLetterKind;
  /** One JSON object: the row as it was to be inserted, or the spooled report. */
  readonly content: string;
  /** Why it was refused, in words. */
  readonly error: string;
  /** When it was refused last. */
  readonly failedAtMs: number;
  /** How often it was refused, from 1. */
  readonly attempts: number;
}

/** A letter in a list: a thousand contents may be a gibibyte. */
export interface DeadLetterSummary extends Omit<DeadLetter, "content"> {
  readonly contentBytes: number;
}

/**
 * What was refused, in the event log's engine, which is there when it refuses something.
 * Methods reject with a {@link BanditError}: `unavailable` when the engine cannot be reached.
 */
export interface DeadLetterStore {
  /**
   * Durable on resolve. Idempotent for each id; a letter that was replayed or dropped before is dead again.
   * The attempts of one that is dead already never become fewer.
   */
  add(letters: readonly DeadLetter[]): Promise<void>;

  /** Letters that are dead now, ordered by id. @param options.limit 1 to 1,001 */
  list(options: {
    kind?: DeadLetterKind;
    limit: number;
    afterId?: string;
  }): Promise<readonly DeadLetterSummary[]>;

  /** Undefined when unknown, replayed or dropped. */
  find(id: string): Promise<DeadLetter | undefined>;

  /**
   * Marks letters that are dead as replayed or dropped; they stay in the table for the record. Idempotent.
   * @param ids up to 1,000
   * @returns those that were dead
   */
  resolve(ids: readonly string[], how: "replayed" | "dropped"): Promise<readonly string[]>;

  /** Letters that are dead now. */
  count(): Promise<number>;
}
