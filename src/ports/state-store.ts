import type { Contribution, DecisionContext } from "../domain/contribution.ts";
import type { DecisionRecord } from "../domain/decision.ts";
import type { GenerationId } from "../domain/ids.ts";
import type { ArmKey, ArmTotals } from "./arm-totals.ts";
import type { EventStream } from "./event-rows.ts";
import type { StateRepair } from "./state-repair.ts";

export type { ArmKey, ArmTotals } from "./arm-totals.ts";

/**
 * The live state: decision records, contributions, posteriors and the outbox of events.
 *
 * Every method rejects with a {@link BanditError}: `unavailable` when the engine cannot be reached or
 * does not answer in time (the write may or may not have happened; repeating it is safe), never with
 * a driver's own error. Calls made in the same turn of the event loop are sent together.
 * Callers ask for the part that they need.
 */
export interface StateStore extends DecisionStore, ContributionStore, TotalsSource, Outbox {
  /** For putting it in order from the event log. @throws BanditError unavailable when it was never connected to. */
  readonly repair: StateRepair;

  /**
   * Resolves when the engine answers and, where it is shared, takes writes. Rejects with `resource_exhausted`
   * (`STATE_FULL`) when it answers that it has no room for any.
   */
  ping(): Promise<void>;

  /** Waits for writes under way, then releases everything. Idempotent. */
  close(): Promise<void>;
}

/** Decisions, for as long as something may be reported or learned of them. */
export interface DecisionStore {
  /**
   * Stores a decision and its event in one atomic step; both survive a crash of this process once the
   * promise resolves. If the generation already has a decision, nothing is written and that one is returned.
   * @returns undefined when stored, the earlier record otherwise.
   */
  recordDecision(input: RecordDecisionInput): Promise<DecisionRecord | undefined>;

  /** Undefined when unknown or past its lifetime. Calls of one event-loop turn are one round trip. */
  findDecision(generationId: GenerationId): Promise<DecisionRecord | undefined>;
}

/** What generations have contributed. */
export interface ContributionStore {
  /**
   * Books what one event contributes to its generation, in one atomic step: recognises a repeated
   * `eventId`, replaces older values of the same components, updates the arm's totals, appends the event.
   * A duplicate changes nothing and appends nothing. Commutes with itself (invariant I4).
   */
  applyContributions(input: ApplyContributionsInput): Promise<ApplyContributionsResult>;
}

/** What contributions add up to, by arm. */
export interface TotalsSource {
  /** False when no other process can change this store: then the announcements tell everything. */
  readonly shared: boolean;

  /** Every arm that has totals; for start-up and the periodic comparison between replicas. */
  listTotals(): AsyncIterable<ArmTotals>;

  /**
   * Calls `listener` with the new totals after every change made by any process that shares this store,
   * this one included. Delivery between processes is best effort: {@link listTotals} repairs what was missed.
   * The same version may be told twice, and an older one after a newer.
   * @returns a function that stops the calls.
   */
  onTotalsChanged(listener: (totals: ArmTotals) => void): () => void;
}

/** Events on their way to the event log. */
export interface Outbox {
  /**
   * The oldest events that this process may drain, about `rowsMax` rows and `outboxReadBytesMax` bytes at most
   * (at least one entry when there is any); undefined when there are none. A batch is fixed once and for all,
   * durably, before it is returned: until it is confirmed, every process that reads it again (this one, this
   * process after a crash, another one that takes over) gets the same entries in the same order under the
   * same id. So an insert is repeated under the same token whatever happened in between.
   */
  readOutbox(options: { rowsMax: number }): Promise<OutboxBatch | undefined>;

  /** Removes the entries of a batch for good. Idempotent. */
  confirmOutbox(batch: OutboxBatch): Promise<void>;

  /** What is not confirmed yet, over all partitions and processes. */
  outboxState(): Promise<OutboxState>;
}

/** An event on its way to the event log. `row` is one JSON object without line breaks, see `event-rows.ts`. */
export interface OutboxEvent {
  readonly stream: EventStream;
  readonly row: string;
}

export interface RecordDecisionInput {
  readonly record: DecisionRecord;
  readonly event: OutboxEvent;
  /** How long the record must be kept at least, counted from now. */
  readonly ttlSeconds: number;
}

export interface ApplyContributionsInput extends ArmKey {
  readonly generationId: GenerationId;
  /** `outcome:<outcome_id>`, or `generation` for the generation report. Stored once per generation. */
  readonly eventId: string;
  readonly occurredAtMs: number;
  /** Empty when the event is to be stored but not learned from. Components are distinct; bounds in `bookable-contributions.ts`. */
  readonly contributions: readonly Contribution[];
  /** At most the decision's. A generation counts at the smallest of the events that contribute to it, so their order does not matter. */
  readonly forgettingPosition: number;
  /** The decision's, so the same for every event of a generation: otherwise the order of events would matter. */
  readonly context?: DecisionContext;
  readonly event: OutboxEvent;
  /** How long the generation's ledger must be kept at least after this call. */
  readonly ttlSeconds: number;
}

export interface ApplyContributionsResult {
  /** `applied` also when `contributions` is empty. `superseded` when every component had a newer value. */
  readonly status: "applied" | "replaced" | "superseded" | "duplicate";
}

/** Most events one generation may have; one more is refused with `resource_exhausted` (`TOO_MANY_OUTCOMES`). */
export const eventsPerGenerationMax = 256;

/** Entries that are inserted together. */
export interface OutboxBatch {
  /** Opaque, unique for ever. */
  readonly id: string;
  /** Oldest first; at least one. */
  readonly entries: readonly OutboxEntry[];
}

export interface OutboxState {
  readonly entries: number;
  readonly rows: number;
  /** Bytes of the rows. */
  readonly bytes: number;
  /** Unix milliseconds at which the oldest was written; absent when there is none. */
  readonly oldestAtMs?: number;
}

/** A run of events of one stream that were written together. */
export interface OutboxEntry {
  /** Opaque, unique, stable: the same entry always has the same id. */
  readonly id: string;
  readonly stream: EventStream;
  /** JSON objects, one a line, no trailing line break. */
  readonly rows: string;
  readonly rowCount: number;
}
