import { BanditError } from "../../domain/errors.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { UnstoredDecision } from "../deciding/decision-spool.ts";
import type { ReceivedReport } from "../recording/received-reports.ts";

/** A decision or report kept on disk while the state store cannot be reached. */
export type SpooledRecord =
  | { readonly kind: "decision"; readonly spooledAtMs: number; readonly decision: UnstoredDecision }
  | ReceivedReport;

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
