import type { DecisionRecord } from "../../domain/decision.ts";
import type { GenerationId, OutcomeId } from "../../domain/ids.ts";
import type { GenerationReport, OutcomeContent } from "../../domain/outcome.ts";
import type { OutcomeRow } from "../../ports/event-rows.ts";

/**
 * An outcome as it was received: everything about it that needs no decision. The user's id is hashed already, and the
 * metrics are valid, so it may lie on a disk and be booked later (invariant I6).
 */
export interface ReceivedOutcome
  extends Pick<OutcomeRow, "action" | "comment" | "user_hash" | "ci_pipeline" | "ci_url"> {
  readonly outcomeId: OutcomeId;
  readonly generationId: GenerationId;
  readonly occurredAtMs: number;
  /** By this time it is judged late or not, however much later it is booked. */
  readonly receivedAtMs: number;
  readonly source: OutcomeContent["source"];
  readonly metrics: Readonly<Record<string, number>>;
}

/** A generation report as it was received; `content` is empty unless the operator has switched its storage on. */
export interface ReceivedGeneration extends GenerationReport {
  readonly receivedAtMs: number;
}

export type ReceivedReport =
  | { readonly kind: "outcome"; readonly outcome: ReceivedOutcome }
  | { readonly kind: "generation"; readonly generation: ReceivedGeneration };

/** The generation that a report is about. */
export function generationOf(report: ReceivedReport): GenerationId {
  return report.kind === "outcome" ? report.outcome.generationId : report.generation.generationId;
}

/** Where a report is kept that cannot be booked now, together with decisions that cannot be stored now. */
export interface ReportSpool {
  /** A decision of this generation waits here, be it one that cannot be read. Costs nothing while nothing waits. */
  holdsDecision(generationId: GenerationId): boolean;
  /** The decision that waits here. */
  findDecision(generationId: GenerationId): DecisionRecord | undefined;
  /** Durable on resolve; the same report again changes nothing. @throws BanditError resource_exhausted, unavailable */
  addReport(report: ReceivedReport): Promise<void>;
}
