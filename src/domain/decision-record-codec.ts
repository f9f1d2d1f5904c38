import { type DecisionRecord, decisionSources } from "./decision.ts";
import { invariant } from "./errors.ts";
import type { AgentType, CodeType, GenerationId, VariantId } from "./ids.ts";

const formatVersion = 2;
const headerBytes = 29;

/**
 * For stores that keep a record as one value. A decision record without its generation id (which is
 * the key), in 29 bytes + variant id + code type:
 * format, source, decidedAtMs as 6 bytes, propensity as float64, allocation version as 8 bytes,
 * retainedUntilMs as 4 bytes of seconds, length of the variant id, variant id, code type. The agent type is the head of the variant id.
 */
export function encodeDecisionRecord(record: DecisionRecord): Buffer {
  const variantLength = record.variantId.length;
  const buffer = Buffer.allocUnsafe(headerBytes + variantLength + record.codeType.length);
  buffer[0] = formatVersion;
  buffer[1] = decisionSources.indexOf(record.source);
  buffer.writeUIntBE(record.decidedAtMs, 2, 6);
  buffer.writeDoubleBE(record.propensity, 8);
  buffer.write(record.allocationVersion, 16, 8, "hex");
  buffer.writeUInt32BE(record.retainedUntilMs / 1000, 24);
  buffer[28] = variantLength;
  buffer.write(record.variantId, headerBytes, variantLength, "latin1");
  buffer.write(record.codeType, headerBytes + variantLength, "latin1");
  return buffer;
}

/** Undoes {@link encodeDecisionRecord}. */
export function decodeDecisionRecord(
  generationId: GenerationId,
  bytes: Uint8Array,
): DecisionRecord {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  invariant(buffer[0] === formatVersion, `decision record of unknown format ${buffer[0]}`);
  const variantLength = buffer[28] as number;
  const variantId = buffer.toString("latin1", headerBytes, headerBytes + variantLength);
  const source = decisionSources[buffer[1] as number];
  invariant(source !== undefined, `decision record of unknown source ${buffer[1]}`);
  return {
    generationId,
    agentType: variantId.slice(0, variantId.indexOf("/")) as AgentType,
    codeType: buffer.toString("latin1", headerBytes + variantLength) as CodeType,
    variantId: variantId as VariantId,
    decidedAtMs: buffer.readUIntBE(2, 6),
    retainedUntilMs: buffer.readUInt32BE(24) * 1000,
    source,
    propensity: buffer.readDoubleBE(8),
    allocationVersion: buffer.toString("hex", 16, 24),
  };
}
