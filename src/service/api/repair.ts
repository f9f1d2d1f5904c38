import type { RebuildRequest, RebuildStep } from "../rebuild/rebuild-step.ts";
import type { CallContext } from "./call-context.ts";

/** Posteriors from the event log, as `RepairService` of the contract. */
export interface RepairApi {
  /** Ends with a summary. @throws failed_precondition while one is running in this process */
  rebuild(request: RebuildRequest, context: CallContext): AsyncIterable<RebuildStep>;
}
