import type { AgentType } from "../../domain/ids.ts";
import type { ArmKey } from "../../ports/state-store.ts";
import type { CallContext } from "./call-context.ts";

/** Posteriors from the event log, as `RepairService` of the contract. */
export interface RepairApi {
  /** Ends with a summary. @throws failed_precondition while one is running in this process */
  rebuild(request: RebuildRequest, context: CallContext): AsyncIterable<RebuildStep>;
}

export interface RebuildRequest {
  /** Only compare; nothing is changed. */
  readonly check: boolean;
  /** The event log is the truth also where it lacks generations that were learned from. Default false. */
  readonly force?: boolean;
  /** Absent: every one. */
  readonly agentType?: AgentType;
}

/** What a rebuild tells on its way; the last step is the summary. */
export type RebuildStep =
  | ({ readonly kind: "progress" } & RebuildProgress)
  | ({ readonly kind: "difference"; readonly arm: ArmKey } & TotalsDifference)
  | ({ readonly kind: "summary" } & RebuildSummary);

export interface RebuildProgress {
  /** In a few words. */
  readonly doing: string;
  readonly groupsDone: number;
  readonly groupsTotal: number;
  readonly eventsRead: number;
}

export interface RebuildSummary {
  readonly arms: number;
  readonly armsDifferent: number;
  readonly armsReplaced: number;
  /** They did not hold still for long enough to be compared or replaced. */
  readonly armsUnsettled: number;
  /** The state store knows more of them than the event log still has; they were left as they are. */
  readonly armsBeyondLog: number;
  /**
   * The event log does not have a single decision of their agent type: it was emptied, or is another one. A
   * check counts them as different too; otherwise they were left as they are.
   */
  readonly armsWithoutEvents: number;
  /** Generations and outcomes that the event log has refused, at the end; 1,000 of each at most. */
  readonly deadLetters: number;
  readonly decisionsRestored: number;
  readonly ledgersRestored: number;
  readonly eventsRead: number;
}

export interface TotalsDifference {
  /** `reward`, `weight`, `squares`, `generations`, `context_epoch`, `context_products[3]`, … */
  readonly field: string;
  readonly live: number;
  readonly recomputed: number;
}
