import { type DecisionRecord, decisionSources } from "../../domain/decision.ts";
import { invariant } from "../../domain/errors.ts";
import type { AgentType, CodeType, GenerationId, VariantId } from "../../domain/ids.ts";
import { decodePlacement, encodePlacement } from "./placement-codec.ts";

/** Without a placement, the format of version 0.1.0; and with one. */
const plainFormat = 2;
const placedFormat = 3;
const headerBytes = 29;

/**
 * For stores that keep a record as one value. A decision record without its generation id (which is
 * the key), in 29 bytes + variant id + code type:
 * format, source, decidedAtMs as 6 bytes, propensity as float64, allocation version as 8 bytes,
 * retainedUntilMs as 4 bytes of seconds, length of the variant id, variant id, code type. The agent type is the head of the variant id.
 * With a placement (`placement-codec.ts`) its length, one byte, and the placement stand before the variant id.
 */
export function encodeDecisionRecord(record: DecisionRecord): Buffer {
  const variantLength = record.variantId.length;
  const placement = encodePlacement(record);
  const placementBytes = placement.length === 0 ? 0 : 1 + placement.length;
  const labelsAt = headerBytes + placementBytes;
  const buffer = Buffer.allocUnsafe(labelsAt + variantLength + record.codeType.length);
  buffer[0] = placementBytes === 0 ? plainFormat : placedFormat;
  buffer[1] = decisionSources.indexOf(record.source);
  buffer.writeUIntBE(record.decidedAtMs, 2, 6);
  buffer.writeDoubleBE(record.propensity, 8);
  buffer.write(record.allocationVersion, 16, 8, "hex");
  buffer.writeUInt32BE(record.retainedUntilMs / 1000, 24);
  buffer[28] = variantLength;
  if (placementBytes > 0) {
    buffer[headerBytes] = placement.length;
    buffer.set(placement, headerBytes + 1);
  }
  buffer.write(record.variantId, labelsAt, variantLength, "latin1");
  buffer.write(record.codeType, labelsAt + variantLength, "latin1");
  return buffer;
}

/** Undoes {@link encodeDecisionRecord}. */
export function decodeDecisionRecord(
  generationId: GenerationId,
  bytes: Uint8Array,
): DecisionRecord {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = buffer[0];
  invariant(
    format === plainFormat || format === placedFormat,
    `decision record of unknown format ${format}`,
  );
  const placementBytes = format === plainFormat ? 0 : 1 + (buffer[headerBytes] as number);
  const labelsAt = headerBytes + placementBytes;
  const codeTypeAt = labelsAt + (buffer[28] as number);
  const variantId = buffer.toString("latin1", labelsAt, codeTypeAt);
  const source = decisionSources[buffer[1] as number];
  invariant(source !== undefined, `decision record of unknown source ${buffer[1]}`);
  return {
    generationId,
    agentType: variantId.slice(0, variantId.indexOf("/")) as AgentType,
    codeType: buffer.toString("latin1", codeTypeAt) as CodeType,
    variantId: variantId as VariantId,
    decidedAtMs: buffer.readUIntBE(2, 6),
    retainedUntilMs: buffer.readUInt32BE(24) * 1000,
    source,
    propensity: buffer.readDoubleBE(8),
    allocationVersion: buffer.toString("hex", 16, 24),
    ...decodePlacement(buffer.subarray(headerBytes + 1, labelsAt)),
  };
}
