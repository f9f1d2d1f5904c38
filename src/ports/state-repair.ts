import type { LedgerEntry } from "../domain/contribution.ts";
import type { DecisionRecord } from "../domain/decision.ts";
import type { GenerationId } from "../domain/ids.ts";
import type { ArmKey, ArmTotals } from "./state-store.ts";

/**
 * Puts live state in order from what the event log knows, while the store is in use: no method writes an
 * event, and none undoes what was reported meanwhile. Rejects as {@link StateStore} does.
 */
export interface StateRepair {
  /** Adds the decisions that are not there. @returns how many were added. */
  restoreDecisions(decisions: readonly RestoredDecision[]): Promise<number>;

  /**
   * Adds to each generation's ledger the events and components it lacks, the newest value of a component
   * winning as always; totals are left as they are.
   */
  restoreLedgers(ledgers: readonly RestoredLedger[]): Promise<void>;

  /** Totals of the arms of one agent type and code type, as they are now. */
  readTotals(group: Pick<ArmKey, "agentType" | "codeType">): Promise<readonly ArmTotals[]>;

  /**
   * Replaces an arm's totals, and announces them, if their version still is `expectedVersion` (0: the arm has
   * none); the new version is one higher. @returns false, and changes nothing, when it is another one.
   */
  replaceTotals(
    input: ArmKey & { totals: ArmTotals["totals"]; expectedVersion: number },
  ): Promise<boolean>;
}

export interface RestoredDecision {
  readonly record: DecisionRecord;
  /** How long it must be kept at least, counted from now. */
  readonly ttlSeconds: number;
}

export interface RestoredLedger extends ArmKey {
  readonly generationId: GenerationId;
  /** Every event that was booked, `outcome:<outcome_id>` or `generation`. */
  readonly eventIds: readonly string[];
  /** One for each component at most. */
  readonly entries: readonly LedgerEntry[];
  readonly ttlSeconds: number;
}
