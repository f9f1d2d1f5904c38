import { type DecisionRecord, decisionSources } from "../../domain/decision.ts";
import { invariant } from "../../domain/errors.ts";
import type { GenerationId } from "../../domain/ids.ts";
import { decodeDecisionLabels } from "../state/decision-labels.ts";
import { decodePlacement, encodePlacement } from "../state/placement-codec.ts";

/**
 * A decision as it is kept in a Redis hash: a head of 23 or 27 bytes, more with a placement, and the labels
 * (`decision-labels.ts`) as a number of two bytes that the Lua step takes from the partition's label
 * hash. The record's general encoding has the labels in the clear: 69 bytes at usual lengths, more than the
 * 64 that Redis keeps in a listpack, which would more than double the memory of every record.
 *
 * Head: source u8 with bit 7 set when the time is whole and bit 6 when there is a placement; retainedUntilMs
 * as u32 seconds; decidedAtMs as u16 after the id's own time, or whole as u48; propensity float64; allocation
 * version, 8 bytes; the placement (`placement-codec.ts`) after its length u8. All big-endian. A forgetting
 * position by itself is 9 bytes more, which still fits a listpack; a context of more than two values does not.
 */
export function packDecisionHead(record: DecisionRecord, idTimestampMs: number): Buffer {
  const delayMs = record.decidedAtMs - idTimestampMs;
  const whole = delayMs < 0 || delayMs > 0xffff;
  const timeBytes = whole ? 6 : 2;
  const placement = encodePlacement(record);
  const placementBytes = placement.length === 0 ? 0 : 1 + placement.length;
  const placementAt = timeAt + timeBytes + 16;
  const head = Buffer.allocUnsafe(placementAt + placementBytes);
  const flags = (whole ? wholeTime : 0) | (placementBytes > 0 ? placed : 0);
  head[0] = decisionSources.indexOf(record.source) | flags;
  head.writeUInt32BE(record.retainedUntilMs / 1000, 1);
  head.writeUIntBE(whole ? record.decidedAtMs : delayMs, timeAt, timeBytes);
  head.writeDoubleBE(record.propensity, timeAt + timeBytes);
  head.write(record.allocationVersion, timeAt + timeBytes + 8, 8, "hex");
  if (placementBytes > 0) {
    head[placementAt] = placement.length;
    head.set(placement, placementAt + 1);
  }
  return head;
}

/** @param packed head and labels, as the Lua steps return them. */
export function unpackDecision(
  generationId: GenerationId,
  idTimestampMs: number,
  packed: Buffer,
): DecisionRecord {
  const first = packed[0] as number;
  const timeBytes = (first & wholeTime) === 0 ? 2 : 6;
  const time = packed.readUIntBE(timeAt, timeBytes);
  const propensityAt = timeAt + timeBytes;
  const source = decisionSources[first & ~(wholeTime | placed)];
  invariant(source !== undefined, `decision record of unknown source ${first}`);
  const headEnd = propensityAt + 16;
  const placementAt = headEnd + ((first & placed) === 0 ? 0 : 1);
  const labelsAt = placementAt + ((first & placed) === 0 ? 0 : (packed[headEnd] as number));
  return {
    generationId,
    ...decodeDecisionLabels(packed.toString("latin1", labelsAt)),
    decidedAtMs: timeBytes === 2 ? idTimestampMs + time : time,
    retainedUntilMs: packed.readUInt32BE(1) * 1000,
    source,
    propensity: packed.readDoubleBE(propensityAt),
    allocationVersion: packed.toString("hex", propensityAt + 8, headEnd),
    ...decodePlacement(packed.subarray(placementAt, labelsAt)),
  };
}

const wholeTime = 0x80;
const placed = 0x40;
/** Where the time of the decision begins in the head. */
const timeAt = 5;
