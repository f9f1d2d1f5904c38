import { type DecisionRecord, decisionSources } from "../../domain/decision.ts";
import { invariant } from "../../domain/errors.ts";
import type { GenerationId } from "../../domain/ids.ts";
import { decodeDecisionLabels, encodeDecisionLabels } from "../state/decision-labels.ts";
import { decodePlacement, encodePlacement } from "../state/placement-codec.ts";

const format = 1;
const headerBytes = 29;

/**
 * For stores that keep a record as one value. A decision record without its generation id (which is the key), in
 * 29 bytes, the placement and the labels:
 * format, source, decidedAtMs as 6 bytes, propensity as float64, allocation version as 8 bytes, retainedUntilMs as
 * 4 bytes of seconds, length of the placement, placement (`placement-codec.ts`), labels (`decision-labels.ts`).
 */
export function encodeDecisionRecord(record: DecisionRecord): Buffer {
  const placement = encodePlacement(record);
  const labels = encodeDecisionLabels(record);
  const labelsAt = headerBytes + placement.length;
  const buffer = Buffer.allocUnsafe(labelsAt + labels.length);
  buffer[0] = format;
  buffer[1] = decisionSources.indexOf(record.source);
  buffer.writeUIntBE(record.decidedAtMs, 2, 6);
  buffer.writeDoubleBE(record.propensity, 8);
  buffer.write(record.allocationVersion, 16, 8, "hex");
  buffer.writeUInt32BE(record.retainedUntilMs / 1000, 24);
  buffer[28] = placement.length;
  buffer.set(placement, headerBytes);
  buffer.write(labels, labelsAt, "latin1");
  return buffer;
}

/** Undoes {@link encodeDecisionRecord}. */
export function decodeDecisionRecord(
  generationId: GenerationId,
  bytes: Uint8Array,
): DecisionRecord {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  invariant(buffer[0] === format, `decision record of unknown format ${buffer[0]}`);
  const source = decisionSources[buffer[1] as number];
  invariant(source !== undefined, `decision record of unknown source ${buffer[1]}`);
  const labelsAt = headerBytes + (buffer[28] as number);
  return {
    generationId,
    ...decodeDecisionLabels(buffer.toString("latin1", labelsAt)),
    decidedAtMs: buffer.readUIntBE(2, 6),
    retainedUntilMs: buffer.readUInt32BE(24) * 1000,
    source,
    propensity: buffer.readDoubleBE(8),
    allocationVersion: buffer.toString("hex", 16, 24),
    ...decodePlacement(buffer.subarray(headerBytes, labelsAt)),
  };
}
