import type { DecisionRecord } from "../../domain/decision.ts";
import { BanditError } from "../../domain/errors.ts";
import type { GenerationId, OutcomeId } from "../../domain/ids.ts";
import type { GenerationReport, OutcomeContent } from "../../domain/outcome.ts";
import type { OutcomeRow } from "../../ports/event-rows.ts";
import type { RecordDecisionInput } from "../../ports/state-store.ts";

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

/** What is kept on disk while the state store cannot be reached. */
export type SpooledRecord =
  | { readonly kind: "decision"; readonly spooledAtMs: number; readonly decision: SpooledDecision }
  | { readonly kind: "outcome"; readonly outcome: ReceivedOutcome }
  | { readonly kind: "generation"; readonly generation: ReceivedGeneration };

/** A decision as it was answered, with its row of the event log. */
export interface SpooledDecision {
  readonly record: DecisionRecord;
  readonly row: string;
  readonly ttlSeconds: RecordDecisionInput["ttlSeconds"];
}

export type SpooledKind = SpooledRecord["kind"];

/** Of the form of a record. A reader that meets a higher one leaves the record to a newer version of this program. */
const formatVersion = 1;

export function spoolKey(record: SpooledRecord): string {
  switch (record.kind) {
    case "decision":
      return decisionKey(record.decision.record.generationId);
    case "outcome":
      return `o:${record.outcome.generationId}:${record.outcome.outcomeId}`;
    case "generation":
      return `g:${record.generation.generationId}`;
  }
}

export function decisionKey(generationId: GenerationId): string {
  return `d:${generationId}`;
}

export function encodeSpooled(record: SpooledRecord): string {
  return JSON.stringify({ version: formatVersion, ...record });
}

/** Undoes {@link encodeSpooled}. @throws BanditError failed_precondition for what this version cannot read. */
export function decodeSpooled(text: string): SpooledRecord {
  let decoded: { version: number } & SpooledRecord;
  try {
    decoded = JSON.parse(text);
  } catch (error) {
    // Its message would quote the text, which people may have written, in the log.
    throw unreadable((error as Error).name);
  }
  if (decoded.version !== formatVersion) throw unreadable();
  return decoded;
}

function unreadable(why?: string): BanditError {
  return new BanditError(
    "failed_precondition",
    `a spooled record is damaged or of another version of this program${why === undefined ? "" : `: ${why}`}`,
    { reason: "SPOOLED_RECORD_UNREADABLE" },
  );
}
