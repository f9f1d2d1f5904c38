import type { DecisionRecord } from "../../domain/decision.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { RecordDecisionInput } from "../../ports/state-store.ts";

/** A decision as it was answered, with its row of the event log. */
export interface UnstoredDecision extends Omit<RecordDecisionInput, "event"> {
  readonly row: string;
}

/** Where a decision is kept that cannot be stored now. */
export interface DecisionSpool {
  /** The decision that waits here. Costs nothing while nothing waits. */
  findDecision(generationId: GenerationId): DecisionRecord | undefined;
  /**
   * Durable on resolve. @returns the decision kept for this generation, which is an earlier one where there is one.
   * @throws BanditError resource_exhausted, unavailable
   */
  addDecision(decision: UnstoredDecision): Promise<DecisionRecord>;
}
