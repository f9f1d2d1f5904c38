import type { LedgerEntry } from "../domain/contribution.ts";
import type { DecisionRecord } from "../domain/decision.ts";
import type { GenerationId } from "../domain/ids.ts";
import type { ArmKey, ArmTotals } from "./arm-totals.ts";

/**
 * Puts live state in order from what the event log knows, while the store is in use: no method writes an
 * event, and none undoes what was reported meanwhile. Rejects as {@link StateStore} does. Every method may be
 * repeated: what is there already is left as it is.
 */
export interface StateRepair {
  /** Adds the decisions that are not there. @returns how many were added. */
  restoreDecisions(decisions: readonly RestoredDecision[]): Promise<number>;

  /**
   * Adds to each generation's ledger the events and components it lacks, the newest value of a component
   * winning as always, and of one event the given values: an event that was repeated when its ledger was lost
   * may have been booked anew with others than the event log has. The position is the given one, or the smaller
   * one where the ledger has events that are not given. Totals are left as they are.
   * @returns how many ledgers lacked something.
   */
  restoreLedgers(ledgers: readonly RestoredLedger[]): Promise<number>;

  /** Totals of the arms of one agent type and code type, as they are now. */
  readTotals(group: ArmGroup): Promise<readonly ArmTotals[]>;

  /**
   * Replaces an arm's totals, and announces them, if their version still is `expectedVersion` (0: the arm has
   * none). @returns false, and changes nothing, when it is another one.
   */
  replaceTotals(input: ReplaceTotalsInput): Promise<boolean>;

  /** The end of the outbox, for {@link isOutboxPast}. */
  markOutbox(): Promise<OutboxMark>;

  /** True when every entry that was in the outbox when the mark was made has been confirmed, by any process. */
  isOutboxPast(mark: OutboxMark): Promise<boolean>;

  /** Whose state this is; undefined when the store was emptied while processes used it. */
  findOrigin(): Promise<StateOrigin | undefined>;

  /** Gives the state a new origin: everything that the event log has was put in its place. */
  markRestored(): Promise<void>;
}

/** The arms of one code type. */
export type ArmGroup = Pick<ArmKey, "agentType" | "codeType">;

export interface RestoredDecision {
  readonly record: DecisionRecord;
  /** How long it must be kept at least, counted from now. */
  readonly ttlSeconds: number;
}

export interface RestoredLedger extends ArmGroup {
  readonly generationId: GenerationId;
  /** Every event that was booked, `outcome:<outcome_id>` or `generation`. */
  readonly eventIds: readonly string[];
  /** One for each component at most. */
  readonly entries: readonly LedgerEntry[];
  /** Forgetting position at which it counts. Absent: nothing was learned from its events. */
  readonly position?: number;
  readonly ttlSeconds: number;
}

export interface ReplaceTotalsInput extends ArmKey {
  readonly totals: ArmTotals["totals"];
  readonly expectedVersion: number;
  /**
   * The new version is this at least, and one higher than the expected one at least: of an arm whose versions
   * began anew when the store was emptied, processes may remember a higher one.
   */
  readonly versionMin: number;
}

/** Opaque. */
export type OutboxMark = readonly string[];

export interface StateOrigin {
  /** Opaque, of this state alone. */
  readonly id: string;
  /** Made by {@link StateRepair.markRestored}, not by the first process that found the store without one. */
  readonly restored: boolean;
  /** When that process found the store empty, Unix milliseconds; 0: it was not, or is not known. */
  readonly emptyAtMs: number;
}

/** The version that {@link StateRepair.replaceTotals} gives. */
export function replacedVersion({ expectedVersion, versionMin }: ReplaceTotalsInput): number {
  return Math.max(expectedVersion + 1, versionMin);
}
