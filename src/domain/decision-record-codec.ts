import { type DecisionRecord, decisionSources } from "./decision.ts";
import { invariant } from "./errors.ts";
import type { AgentType, CodeType, GenerationId, VariantId } from "./ids.ts";

const formatVersion = 1;
const headerBytes = 25;

/**
 * For stores that keep a record as one value. A decision record without its generation id (which is
 * the key), in 25 bytes + variant id + code type:
 * format, source, decidedAtMs as 6 bytes, propensity as float64, allocation version as 8 bytes,
 * length of the variant id, variant id, code type. The agent type is the head of the variant id.
 */
export function encodeDecisionRecord(record: DecisionRecord): Buffer {
  const variantLength = record.variantId.length;
  const buffer = Buffer.allocUnsafe(headerBytes + variantLength + record.codeType.length);
  buffer[0] = formatVersion;
  buffer[1] = decisionSources.indexOf(record.source);
  buffer.writeUIntBE(record.decidedAtMs, 2, 6);
  buffer.writeDoubleBE(record.propensity, 8);
  buffer.write(record.allocationVersion, 16, 8, "hex");
  buffer[24] = variantLength;
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
  const variantLength = buffer[24] as number;
  const variantId = buffer.toString("latin1", headerBytes, headerBytes + variantLength);
  const source = decisionSources[buffer[1] as number];
  invariant(source !== undefined, `decision record of unknown source ${buffer[1]}`);
  return {
    generationId,
    agentType: variantId.slice(0, variantId.indexOf("/")) as AgentType,
    codeType: buffer.toString("latin1", headerBytes + variantLength) as CodeType,
    variantId: variantId as VariantId,
    decidedAtMs: buffer.readUIntBE(2, 6),
    source,
    propensity: buffer.readDoubleBE(8),
    allocationVersion: buffer.toString("hex", 16, 24),
  };
}
